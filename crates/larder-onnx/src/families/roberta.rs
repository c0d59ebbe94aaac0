//! RoBERTa (Liu et al., 2019, <https://arxiv.org/abs/1907.11692>) and XLM-R (Conneau et al., 2019,
//! <https://arxiv.org/abs/1911.02116>): BERT's graph, with positions counted from behind the padding token's id. Encoders that were
//! trained otherwise under another name, and one with its normalisations elsewhere.

use super::layout::{BERT_LAYER, LayerNames, Layout, Norms, Positions};
use super::{EncoderConfig, Family, bert};

pub(super) const LAYOUT: Layout =
    Layout { prefix: "roberta", defaults, positions: Positions::AfterPadding, layer: BERT_LAYER, ..bert::LAYOUT };

pub(super) const XLM_LAYOUT: Layout = Layout { defaults: xlm_defaults, layer: BERT_LAYER, ..LAYOUT };

pub(super) const DATA2VEC_LAYOUT: Layout =
    Layout { prefix: "data2vec_text", defaults: data2vec_defaults, layer: BERT_LAYER, ..LAYOUT };

pub(super) const PRE_LAYER_NORM_LAYOUT: Layout = Layout {
    prefix: "roberta_prelayernorm",
    defaults: pre_layer_norm_defaults,
    layer: LayerNames { attention_norm: "attention.LayerNorm", output_norm: "intermediate.LayerNorm", ..BERT_LAYER },
    norms: Norms::InFront { first: true, last: "LayerNorm" },
    ..LAYOUT
};

fn defaults() -> EncoderConfig {
    EncoderConfig { family: Family::Roberta, vocab_size: 50265, pad_token_id: Some(1), ..bert::defaults() }
}

fn xlm_defaults() -> EncoderConfig {
    EncoderConfig { family: Family::XlmRoberta, pad_token_id: Some(1), ..bert::defaults() }
}

fn data2vec_defaults() -> EncoderConfig {
    EncoderConfig { family: Family::Data2VecText, ..xlm_defaults() }
}

fn pre_layer_norm_defaults() -> EncoderConfig {
    EncoderConfig { family: Family::RobertaPreLayerNorm, ..defaults() }
}
