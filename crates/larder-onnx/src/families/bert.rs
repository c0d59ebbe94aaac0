//! BERT (Devlin et al., 2018, <https://arxiv.org/abs/1810.04805>), whose names and defaults the other families vary.

use super::layout::{BERT_LAYER, Layout, Norms, Older, Positions, TokenTypes};
use super::{Activation, Biases, EncoderConfig, Family};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "bert",
    renamed_keys: &[],
    fixed: &[],
    defaults,
    token_types: TokenTypes::Always,
    ntk: false,
    task_types: None,
    words: "embeddings.word_embeddings",
    embeddings_norm: Some("embeddings.LayerNorm"),
    rms: false,
    positions: Positions::FromZero,
    neighbours_turn: false,
    projection: None,
    layer: BERT_LAYER,
    head_by_head: false,
    two_thirds: false,
    norms: Norms::Behind,
    older: Older::NONE,
    relative_attention: None,
    disentangled: None,
    convolution: None,
    pooler: Some("pooler.dense"),
};

/// BERT-base, uncased.
pub(super) fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::Bert,
        vocab_size: 30522,
        embedding_size: 768,
        hidden_size: 768,
        num_hidden_layers: 12,
        num_hidden_groups: 12,
        num_attention_heads: 12,
        intermediate_size: 3072,
        hidden_act: Activation::Gelu,
        max_position_embeddings: 512,
        type_vocab_size: 2,
        task_type_vocab_size: 0,
        layer_norm_eps: 1e-12,
        initializer_range: 0.02,
        pad_token_id: Some(0),
        biases: Biases::ALL,
        rotary: None,
        num_key_value_heads: None,
        disentangled: None,
        convolution: None,
    }
}
