//! The features of pairs whose texts are read by themselves, as nodes.

use crate::pooling::normalised;
use crate::{GraphBuilder, Value};

/// Vectors of a pair's features, one behind the other in each column.
pub const PAIR_PARTS: usize = 4;

/// Adds the features `[u, v, |u - v|, u * v]` of pairs, `[pairs, 4 * hidden]`, of the vectors of their texts,
/// `[2 * pairs, hidden]`, where those of a pair are adjacent. `u` and `v` are brought to unit length, so that the products sum
/// to the cosine; a vector without length stays as it is. InferSent combines them so (Conneau et al. 2017,
/// <https://arxiv.org/abs/1705.02364>), at their own lengths.
pub fn pair_features(b: &mut GraphBuilder, texts: &Value, hidden: usize) -> Value {
    let unit = normalised(b, texts);
    let by_pair = b.integers(&[-1, 2, i64::try_from(hidden).unwrap_or(i64::MAX)]);
    let unit = b.reshape(&unit, &by_pair);
    let [first, second] = [0, 1].map(|text| {
        let at = b.integer(text);
        b.gather(&unit, &at, 1)
    });
    let difference = b.sub(&first, &second);
    let difference = b.abs(&difference);
    let product = b.mul(&first, &second);
    b.concat(&[&first, &second, &difference, &product], 1)
}
