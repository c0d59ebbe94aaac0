//! Rows of float32 in vectors of 16, by loops that compilers turn into vector instructions.
//!
//! Sums have 16 interleaved parts, which are added in one order: the same for every processor.

use crate::activation::{exp, multiply_add};
use crate::panels::LANES;

/// Least argument of `exp`; what is smaller counts as nothing: below the smallest normal float32.
const LEAST: f32 = -87.0;

/// `softmax(scores · scale + mask)` of one row, in place.
///
/// A NaN, an infinity, or a row whose every element is minus infinity makes the row NaN, as by the definition.
#[inline(always)]
pub(crate) fn softmax<const FUSED: bool>(scores: &mut [[f32; LANES]], scale: f32, mask: &[[f32; LANES]]) {
    let mut largest = [f32::NEG_INFINITY; LANES];
    for (scores, mask) in scores.iter_mut().zip(mask) {
        for lane in 0..LANES {
            let score = multiply_add::<FUSED>(scores[lane], scale, mask[lane]);
            scores[lane] = score;
            largest[lane] = if score > largest[lane] { score } else { largest[lane] };
        }
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0; LANES];
    for scores in scores.iter_mut() {
        for lane in 0..LANES {
            let below = scores[lane] - largest;
            let power = exp::<FUSED>(if below < LEAST { LEAST } else { below });
            let power = if below < LEAST { 0.0 } else { power };
            // What `exp` makes of a NaN is anything.
            let power = if below.is_nan() { below } else { power };
            scores[lane] = power;
            sums[lane] += power;
        }
    }
    let factor = 1.0 / sum(sums);
    scores.as_flattened_mut().iter_mut().for_each(|score| *score *= factor);
}

/// `(row - mean) / √(variance + epsilon) · weight + bias` of one row, in place.
#[inline(always)]
pub(crate) fn normalise<const FUSED: bool>(row: &mut [f32], weight: &[f32], bias: Option<&[f32]>, epsilon: f32) {
    let count = row.len() as f32;
    let mean = {
        let (vectors, rest) = row.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for vector in vectors {
            (0..LANES).for_each(|lane| sums[lane] += vector[lane]);
        }
        sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += value);
        sum(sums) / count
    };
    let variance = {
        let (vectors, rest) = row.as_chunks_mut::<LANES>();
        let mut sums = [0.0; LANES];
        for vector in vectors {
            for lane in 0..LANES {
                vector[lane] -= mean;
                sums[lane] = multiply_add::<FUSED>(vector[lane], vector[lane], sums[lane]);
            }
        }
        for (sum, value) in sums.iter_mut().zip(rest) {
            *value -= mean;
            *sum = multiply_add::<FUSED>(*value, *value, *sum);
        }
        sum(sums) / count
    };
    let factor = 1.0 / (variance + epsilon).sqrt();
    match bias {
        Some(bias) => {
            for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
                *value = multiply_add::<FUSED>(*value * factor, *weight, *bias);
            }
        }
        None => row.iter_mut().zip(weight).for_each(|(value, weight)| *value = *value * factor * weight),
    }
}

/// The sum of the parts, halves first.
#[inline(always)]
fn sum(mut parts: [f32; LANES]) -> f32 {
    let mut count = LANES / 2;
    while count > 0 {
        (0..count).for_each(|at| parts[at] += parts[at + count]);
        count /= 2;
    }
    parts[0]
}
