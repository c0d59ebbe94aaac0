//! ELECTRA (Clark et al., 2020, <https://arxiv.org/abs/2003.10555>): BERT without a pooler, with a product behind a token
//! table that is narrower than the layers.

use super::layout::{BERT_LAYER, Layout, Positions, Projection, TokenTypes};
use super::{EncoderConfig, Family, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "electra",
    renamed_keys: &[],
    fixed: &[],
    defaults,
    token_types: TokenTypes::Always,
    positions: Positions::FromZero,
    projection: Some(Projection::BehindNorm("embeddings_project")),
    layer: BERT_LAYER,
    relative_attention: None,
    pooler: None,
    ..bert::LAYOUT
};

/// ELECTRA-small.
fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::Electra,
        embedding_size: 128,
        hidden_size: 256,
        num_attention_heads: 4,
        intermediate_size: 1024,
        ..bert::defaults()
    }
}
