//! DistilBERT (Sanh et al., 2019, <https://arxiv.org/abs/1910.01108>): BERT without token types and pooler.

use super::layout::{Gate, LayerNames, Layout, Positions, TokenTypes};
use super::{EncoderConfig, Family, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "distilbert",
    renamed_keys: &[
        ("hidden_size", "dim"),
        ("num_hidden_layers", "n_layers"),
        ("num_attention_heads", "n_heads"),
        ("intermediate_size", "hidden_dim"),
        ("hidden_act", "activation"),
    ],
    fixed: &[],
    defaults,
    token_types: TokenTypes::Never,
    positions: Positions::FromZero,
    projection: None,
    layer: LayerNames {
        together: None,
        root: "transformer.layer.#",
        query: "attention.q_lin",
        key: "attention.k_lin",
        value: "attention.v_lin",
        attention_output: "attention.out_lin",
        attention_norm: "sa_layer_norm",
        intermediate: "ffn.lin1",
        gate: Gate::None,
        output: "ffn.lin2",
        output_norm: "output_layer_norm",
    },
    relative_attention: None,
    pooler: None,
    ..bert::LAYOUT
};

fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::DistilBert,
        num_hidden_layers: 6,
        num_hidden_groups: 6,
        type_vocab_size: 0,
        ..bert::defaults()
    }
}
