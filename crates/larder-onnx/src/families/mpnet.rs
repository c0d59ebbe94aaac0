//! MPNet (Song et al., 2020, <https://arxiv.org/abs/2004.09297>): no token types, RoBERTa's positions, and a bias on the
//! attention scores by relative position, in buckets as T5 has them (Raffel et al., 2019,
//! <https://arxiv.org/abs/1910.10683>).

use super::layout::{Gate, LayerNames, Layout, Positions, TokenTypes};
use super::{EncoderConfig, Family, bert};

/// Rows of the bias table. `transformers` computes buckets of 32 whatever the configuration says.
pub(super) const BUCKETS: usize = 32;

/// Tokens this far apart and farther share a bucket.
const MAX_DISTANCE: f32 = 128.0;

pub(super) const LAYOUT: Layout = Layout {
    prefix: "mpnet",
    renamed_keys: &[],
    fixed: &[("relative_attention_num_buckets", "32")],
    defaults,
    token_types: TokenTypes::Never,
    positions: Positions::AfterToken(1),
    projection: None,
    layer: LayerNames {
        together: None,
        root: "encoder.layer.#",
        query: "attention.attn.q",
        key: "attention.attn.k",
        value: "attention.attn.v",
        attention_output: "attention.attn.o",
        attention_norm: "attention.LayerNorm",
        intermediate: "intermediate.dense",
        gate: Gate::None,
        output: "output.dense",
        output_norm: "output.LayerNorm",
    },
    relative_attention: Some("encoder.relative_attention_bias"),
    pooler: Some("pooler.dense"),
    ..bert::LAYOUT
};

fn defaults() -> EncoderConfig {
    EncoderConfig {
        family: Family::MpNet,
        vocab_size: 30527,
        type_vocab_size: 0,
        pad_token_id: Some(1),
        ..bert::defaults()
    }
}

/// The row of the bias table for a key `distance` tokens behind the query (before it, if negative): exact up to 7 tokens,
/// then logarithmic. In float32, as PyTorch computes it: at the edges of buckets rounding decides.
pub(super) fn bucket(distance: i64) -> i64 {
    const SIDE: i64 = BUCKETS as i64 / 2;
    const EXACT: i64 = SIDE / 2;
    let side = if distance > 0 { SIDE } else { 0 };
    let distance = distance.abs();
    if distance < EXACT {
        return side + distance;
    }
    let exact = EXACT as f32;
    let scale = (f64::from(MAX_DISTANCE) / EXACT as f64).ln() as f32;
    let logarithmic = (distance as f32 / exact).ln() / scale * (SIDE - EXACT) as f32;
    side + (EXACT + logarithmic as i64).min(SIDE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_of_pytorch() {
        // MPNetEncoder.relative_position_bucket of transformers 5.23.0: each distance where a new bucket begins.
        let begins: Vec<i64> = (1..200).filter(|&d| bucket(-d) != bucket(1 - d)).collect();
        assert_eq!(begins, [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]);
        assert_eq!([0, -1, -200, 1, 7, 8, 200].map(bucket), [0, 1, 15, 17, 23, 24, 31]);
    }
}
