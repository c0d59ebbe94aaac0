//! mGTE (Zhang et al., 2024, <https://arxiv.org/abs/2407.19669>): BERT with rotary positions and gates, of whose products the first
//! feed-forward one alone has no bias. Under the names of `transformers`, and as published, under the `model_type` "new".

use super::layout::{BERT_LAYER, Gate, LayerNames, Layout, Older, Positions, TokenTypes};
use super::{Biases, EncoderConfig, Family, Rotary, bert};

/// What the publisher's own code can do and the published encoders do not
/// (<https://huggingface.co/Alibaba-NLP/new-impl>), and what no `config.json` can change.
const FIXED: &[(&str, &str)] = &[
    ("position_embedding_type", "\"rope\""),
    ("layer_norm_type", "\"layer_norm\""),
    ("logn_attention_scale", "false"),
    ("pack_qkv", "true"),
    ("attention_bias", "true"),
    ("mlp_bias", "false"),
    ("norm_bias", "true"),
];

pub(super) const LAYOUT: Layout = Layout {
    prefix: "gte",
    fixed: FIXED,
    defaults,
    token_types: TokenTypes::Optional,
    ntk: true,
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
    // Some were published under this `model_type` with the names of the publisher's code, which transformers 5 takes.
    older: Older {
        keys: &[("global_rope_theta", "rope_theta")],
        names: &[
            ("encoder.layer.", "layers."),
            ("attention.o_proj.", "self_attn.o_proj."),
            ("attn_ln.", "post_attention_layernorm."),
            ("mlp_ln.", "post_mlp_layernorm."),
        ],
        joined: &[
            ("attention.qkv_proj", &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
            ("mlp.up_gate_proj", &["mlp.up_proj", "mlp.gate_proj"]),
        ],
    },
    ..bert::LAYOUT
};

pub(super) const NEW_LAYOUT: Layout = Layout {
    prefix: "new",
    defaults: new_defaults,
    layer: LayerNames {
        together: Some("attention.qkv_proj"),
        attention_output: "attention.o_proj",
        attention_norm: "attn_ln",
        intermediate: "mlp.up_gate_proj",
        gate: Gate::TogetherBefore,
        output: "mlp.down_proj",
        output_norm: "mlp_ln",
        ..BERT_LAYER
    },
    older: Older { keys: &[("global_rope_theta", "rope_theta")], ..Older::NONE },
    ..LAYOUT
};

/// gte-multilingual-base, in `transformers`.
fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::Gte,
        vocab_size: 250_048,
        max_position_embeddings: 8192,
        type_vocab_size: 1,
        pad_token_id: Some(1),
        biases: Biases { mlp: false, ..Biases::ALL },
        rotary: Some(Rotary::of(160_000.0)),
        ..bert::defaults()
    }
}

/// Those of the publisher's code.
fn new_defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::New,
        vocab_size: 30528,
        max_position_embeddings: 2048,
        pad_token_id: Some(0),
        rotary: Some(Rotary::of(10_000.0)),
        ..defaults()
    }
}
