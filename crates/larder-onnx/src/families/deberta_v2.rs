//! DeBERTa-v2 (He et al., 2020, <https://arxiv.org/abs/2006.03654>) and DeBERTa-v3 (He et al., 2021,
//! <https://arxiv.org/abs/2111.09543>): BERT whose attention scores read the distance of two tokens from a table of their own
//! ([`Disentangled`](super::Disentangled)), mostly without positions in the tables of the embeddings.

use super::layout::{BERT_LAYER, ConvolutionNames, DisentangledNames, LayerNames, Layout, Projection, TokenTypes};
use super::{Disentangled, EncoderConfig, Family, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "deberta",
    // More steps would run the last layer again, in the publisher's own code alone.
    fixed: &[("z_steps", "0")],
    defaults,
    token_types: TokenTypes::Optional,
    projection: Some(Projection::InFrontOfNorm("embeddings.embed_proj")),
    layer: LayerNames {
        query: "attention.self.query_proj",
        key: "attention.self.key_proj",
        value: "attention.self.value_proj",
        ..BERT_LAYER
    },
    disentangled: Some(DisentangledNames {
        table: "encoder.rel_embeddings",
        norm: "encoder.LayerNorm",
        key: "attention.self.pos_key_proj",
        query: "attention.self.pos_query_proj",
    }),
    convolution: Some(ConvolutionNames { product: "encoder.conv.conv", norm: "encoder.conv.LayerNorm" }),
    // transformers counts the dense layer of the first token's vector to the classifier, and applies GELU behind it.
    pooler: None,
    ..bert::LAYOUT
};

/// Those of `transformers`, which are of no published encoder: all published ones have relative positions.
fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::DebertaV2,
        vocab_size: 128_100,
        embedding_size: 1536,
        hidden_size: 1536,
        num_hidden_layers: 24,
        num_hidden_groups: 24,
        num_attention_heads: 24,
        intermediate_size: 6144,
        type_vocab_size: 0,
        layer_norm_eps: 1e-7,
        disentangled: Some(Disentangled {
            relative_attention: false,
            content_to_position: false,
            position_to_content: false,
            share_att_key: false,
            position_buckets: None,
            max_relative_positions: 512,
            normalised: false,
            position_biased_input: true,
        }),
        ..bert::defaults()
    }
}
