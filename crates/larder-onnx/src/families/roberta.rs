//! RoBERTa (Liu et al., 2019, <https://arxiv.org/abs/1907.11692>) and XLM-R (Conneau et al., 2019,
//! <https://arxiv.org/abs/1911.02116>): BERT's graph, with positions counted from behind the padding token's id.

use super::layout::{BERT_LAYER, Layout, Positions};
use super::{EncoderConfig, Family, bert};

pub(super) const LAYOUT: Layout =
    Layout { prefix: "roberta", defaults, positions: Positions::AfterPadding, layer: BERT_LAYER, ..bert::LAYOUT };

pub(super) const XLM_LAYOUT: Layout = Layout { defaults: xlm_defaults, layer: BERT_LAYER, ..LAYOUT };

fn defaults() -> EncoderConfig {
    EncoderConfig { family: Family::Roberta, vocab_size: 50265, pad_token_id: Some(1), ..bert::defaults() }
}

fn xlm_defaults() -> EncoderConfig {
    EncoderConfig { family: Family::XlmRoberta, pad_token_id: Some(1), ..bert::defaults() }
}
