//! NomicBERT (Nussbaum et al., 2024, <https://arxiv.org/abs/2402.01613>): BERT with rotary positions, gates, and no biases but those
//! of the normalisations.

use super::layout::{Gate, LayerNames, Layout, Older, Positions};
use super::{Activation, Biases, EncoderConfig, Family, Rotary, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "nomic_bert",
    // What the publisher's own code can do and the published encoders do not.
    fixed: &[
        ("activation_function", "\"swiglu\""),
        ("rotary_emb_fraction", "1.0"),
        ("rotary_emb_interleaved", "false"),
        ("rotary_scaling_factor", "null"),
        ("prenorm", "false"),
        ("use_rms_norm", "false"),
        ("parallel_block", "false"),
        ("qkv_proj_bias", "false"),
        ("mlp_fc1_bias", "false"),
        ("mlp_fc2_bias", "false"),
    ],
    defaults,
    positions: Positions::Rotary,
    layer: LayerNames {
        root: "layers.#",
        together: None,
        query: "self_attn.q_proj",
        key: "self_attn.k_proj",
        value: "self_attn.v_proj",
        attention_output: "self_attn.o_proj",
        attention_norm: "post_attention_layernorm",
        intermediate: "mlp.gate_proj",
        gate: Gate::Apart("mlp.up_proj"),
        output: "mlp.down_proj",
        output_norm: "post_mlp_layernorm",
    },
    // Those of the publisher's own code, as transformers 5 takes them.
    older: Older {
        keys: &[
            ("hidden_size", "n_embd"),
            ("num_hidden_layers", "n_layer"),
            ("num_attention_heads", "n_head"),
            ("intermediate_size", "n_inner"),
            ("max_position_embeddings", "n_positions"),
            ("layer_norm_eps", "layer_norm_epsilon"),
            ("global_rope_theta", "rotary_emb_base"),
        ],
        names: &[
            ("encoder.layers.", "layers."),
            ("emb_ln.", "embeddings.LayerNorm."),
            ("attn.out_proj.", "self_attn.o_proj."),
            ("mlp.fc11.", "mlp.up_proj."),
            ("mlp.fc12.", "mlp.gate_proj."),
            ("mlp.fc2.", "mlp.down_proj."),
            ("norm1.", "post_attention_layernorm."),
            ("norm2.", "post_mlp_layernorm."),
        ],
        joined: &[("attn.Wqkv", &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"])],
    },
    pooler: None,
    ..bert::LAYOUT
};

/// nomic-embed-text-v1.5.
fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::NomicBert,
        vocab_size: 30528,
        hidden_act: Activation::Silu,
        max_position_embeddings: 2048,
        biases: Biases { norm: true, ..Biases::NONE },
        rotary: Some(Rotary::of(1000.0)),
        ..bert::defaults()
    }
}
