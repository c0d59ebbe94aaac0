//! NeoBERT (Le Breton et al., 2025, <https://arxiv.org/abs/2502.19587>): normalisations by the root mean square in front of every
//! block, gates, rotary positions. One product gives query, key and value, head by head, and neighbouring features are turned
//! together.

use super::layout::{Gate, LayerNames, Layout, Norms, Positions, TokenTypes};
use super::{Activation, Biases, EncoderConfig, Family, Rotary, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "model",
    renamed_keys: &[("layer_norm_eps", "norm_eps"), ("max_position_embeddings", "max_length")],
    // What the code of its training can do (<https://github.com/chandar-lab/NeoBERT>) and the published encoder does not.
    fixed: &[
        ("hidden_act", "\"SwiGLU\""),
        ("rms_norm", "true"),
        ("rope", "true"),
        ("rope_theta", "10000"),
        ("ngpt", "false"),
        ("attention_bias", "false"),
        ("mlp_bias", "false"),
    ],
    defaults,
    token_types: TokenTypes::Never,
    words: "encoder",
    embeddings_norm: None,
    rms: true,
    positions: Positions::Rotary,
    neighbours_turn: true,
    layer: LayerNames {
        root: "transformer_encoder.#",
        together: Some("qkv"),
        query: "",
        key: "",
        value: "",
        attention_output: "wo",
        attention_norm: "attention_norm",
        intermediate: "ffn.w12",
        gate: Gate::Together,
        output: "ffn.w3",
        output_norm: "ffn_norm",
    },
    head_by_head: true,
    two_thirds: true,
    norms: Norms::InFront { first: true, last: "layer_norm" },
    pooler: None,
    ..bert::LAYOUT
};

fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::NeoBert,
        num_hidden_layers: 28,
        num_hidden_groups: 28,
        hidden_act: Activation::Silu,
        max_position_embeddings: 1024,
        type_vocab_size: 0,
        layer_norm_eps: 1e-6,
        biases: Biases::NONE,
        rotary: Some(Rotary::of(10_000.0)),
        ..bert::defaults()
    }
}
