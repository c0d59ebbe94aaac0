//! Rows of float32 in vectors of 16, by loops that compilers turn into vector instructions.
//!
//! Sums have 16 interleaved parts, which are added in one order: the same for every processor.

use crate::activation::{exp, multiply_add};
use crate::panels::LANES;

/// Least argument of `exp`; what is smaller counts as nothing: below the smallest normal float32.
const LEAST: f32 = -87.0;

/// `softmax(scores · scale + mask)` of one row of `count` scores, in place; what fills the last vector becomes zero.
///
/// A NaN, positive infinity, or a row whose every element is minus infinity makes the row NaN, as by the definition.
pub(crate) fn softmax(scores: &mut [[f32; LANES]], count: usize, scale: f32, mask: &[[f32; LANES]]) {
    let filled = scores.as_flattened_mut();
    filled.iter_mut().zip(mask.as_flattened()).for_each(|(score, mask)| *score = *score * scale + mask);
    filled[count..].fill(f32::NEG_INFINITY);
    let largest = filled.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0; LANES];
    for scores in scores.iter_mut() {
        for (sum, score) in sums.iter_mut().zip(scores) {
            *score = exp_below_zero(*score - largest);
            *sum += *score;
        }
    }
    let factor = 1.0 / sum(sums);
    scores.as_flattened_mut().iter_mut().for_each(|score| *score *= factor);
}

/// `exp(x)` of `x <= 0` or a NaN.
fn exp_below_zero(x: f32) -> f32 {
    match x {
        _ if x.is_nan() => x,
        _ if x < LEAST => 0.0,
        _ => exp::<false>(x),
    }
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
