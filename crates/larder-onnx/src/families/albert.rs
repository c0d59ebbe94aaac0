//! ALBERT (Lan et al., 2019, <https://arxiv.org/abs/1909.11942>): a narrow token table behind a product, and one set of
//! parameters for all layers of a group.

use super::layout::{Gate, LayerNames, Layout, Positions, Projection, TokenTypes};
use super::{Activation, EncoderConfig, Family, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "albert",
    renamed_keys: &[],
    fixed: &[("inner_group_num", "1")],
    defaults,
    token_types: TokenTypes::Always,
    positions: Positions::FromZero,
    projection: Some(Projection::BehindNorm("encoder.embedding_hidden_mapping_in")),
    layer: LayerNames {
        together: None,
        root: "encoder.albert_layer_groups.#.albert_layers.0",
        query: "attention.query",
        key: "attention.key",
        value: "attention.value",
        attention_output: "attention.dense",
        attention_norm: "attention.LayerNorm",
        intermediate: "ffn",
        gate: Gate::None,
        output: "ffn_output",
        output_norm: "full_layer_layer_norm",
    },
    relative_attention: None,
    pooler: Some("pooler"),
    ..bert::LAYOUT
};

/// ALBERT-xxlarge.
fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::Albert,
        vocab_size: 30000,
        embedding_size: 128,
        hidden_size: 4096,
        num_hidden_groups: 1,
        num_attention_heads: 64,
        intermediate_size: 16384,
        hidden_act: Activation::GeluNew,
        ..bert::defaults()
    }
}
