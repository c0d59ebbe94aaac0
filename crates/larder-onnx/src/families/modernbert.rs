//! ModernBERT (Warner et al., 2024, <https://arxiv.org/abs/2412.13663>): rotary positions, two layers of three that attend to near
//! tokens alone, normalisations in front, gated feed-forward blocks, no biases.

use super::layout::{Gate, LayerNames, Layout, Norms, Positions, TokenTypes};
use super::{Biases, EncoderConfig, Family, Rotary, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "model",
    renamed_keys: &[("hidden_act", "hidden_activation"), ("layer_norm_eps", "norm_eps")],
    defaults,
    token_types: TokenTypes::Never,
    words: "embeddings.tok_embeddings",
    embeddings_norm: Some("embeddings.norm"),
    positions: Positions::Rotary,
    layer: LayerNames {
        root: "layers.#",
        together: Some("attn.Wqkv"),
        query: "",
        key: "",
        value: "",
        attention_output: "attn.Wo",
        attention_norm: "attn_norm",
        intermediate: "mlp.Wi",
        gate: Gate::Together,
        output: "mlp.Wo",
        output_norm: "mlp_norm",
    },
    norms: Norms::InFront { first: false, last: "final_norm" },
    pooler: None,
    ..bert::LAYOUT
};

/// ModernBERT-base.
fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::ModernBert,
        vocab_size: 50368,
        num_hidden_layers: 22,
        num_hidden_groups: 22,
        intermediate_size: 1152,
        max_position_embeddings: 8192,
        type_vocab_size: 0,
        layer_norm_eps: 1e-5,
        pad_token_id: Some(50283),
        biases: Biases::NONE,
        rotary: Some(Rotary {
            local_theta: 10_000.0,
            global_attn_every_n_layers: 3,
            local_attention: 128,
            ..Rotary::of(160_000.0)
        }),
        ..bert::defaults()
    }
}
