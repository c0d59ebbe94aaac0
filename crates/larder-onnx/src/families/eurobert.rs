//! EuroBERT (Boizard et al., 2025, <https://arxiv.org/abs/2503.05500>): a Llama's layers that attend both ways. Keys and values may be
//! fewer than queries, normalisations are of the root mean square, and stand in front of every block.

use super::layout::{Gate, LayerNames, Layout, Norms, Older, Positions, TokenTypes};
use super::{Activation, Biases, EncoderConfig, Family, Rotary, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "model",
    renamed_keys: &[("layer_norm_eps", "rms_norm_eps")],
    fixed: &[("clip_qkv", "null")],
    defaults,
    token_types: TokenTypes::Never,
    words: "embed_tokens",
    embeddings_norm: None,
    rms: true,
    positions: Positions::Rotary,
    layer: LayerNames {
        root: "layers.#",
        together: None,
        query: "self_attn.q_proj",
        key: "self_attn.k_proj",
        value: "self_attn.v_proj",
        attention_output: "self_attn.o_proj",
        attention_norm: "input_layernorm",
        intermediate: "mlp.gate_proj",
        gate: Gate::Apart("mlp.up_proj"),
        output: "mlp.down_proj",
        output_norm: "post_attention_layernorm",
    },
    norms: Norms::InFront { first: true, last: "norm" },
    older: Older { keys: &[("global_rope_theta", "rope_theta")], ..Older::NONE },
    pooler: None,
    ..bert::LAYOUT
};

fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::EuroBert,
        vocab_size: 128_256,
        hidden_act: Activation::Silu,
        max_position_embeddings: 8192,
        type_vocab_size: 0,
        layer_norm_eps: 1e-5,
        pad_token_id: Some(128_001),
        biases: Biases::NONE,
        rotary: Some(Rotary::of(10_000.0)),
        ..bert::defaults()
    }
}
