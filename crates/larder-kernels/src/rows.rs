//! Rows of float32 in vectors of 16, by loops that compilers turn into vector instructions.
//!
//! Sums have 16 interleaved parts, which are added in one order: the same for every processor.

use crate::activation::{Activation, exp, multiply_add};
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

/// The gradient of `softmax(scores · scale)` from that of what it gave, `weights`, in place: `scale · weights · (gradient - Σ weights ·
/// gradient)`.
#[inline(always)]
pub(crate) fn softmax_gradient<const FUSED: bool>(gradient: &mut [[f32; LANES]], weights: &[[f32; LANES]], scale: f32) {
    let mut sums = [0.0; LANES];
    for (gradient, weights) in gradient.iter().zip(weights) {
        for lane in 0..LANES {
            sums[lane] = multiply_add::<FUSED>(gradient[lane], weights[lane], sums[lane]);
        }
    }
    let total = sum(sums);
    for (gradient, weights) in gradient.as_flattened_mut().iter_mut().zip(weights.as_flattened()) {
        *gradient = (*gradient - total) * (weights * scale);
    }
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
    let factor = centre::<FUSED>(row, epsilon);
    match bias {
        Some(bias) => {
            for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
                *value = multiply_add::<FUSED>(*value * factor, *weight, *bias);
            }
        }
        None => row.iter_mut().zip(weight).for_each(|(value, weight)| *value = *value * factor * weight),
    }
}

/// Subtracts a row's mean from it, in place. Gives `1 / √(variance + epsilon)`.
#[inline(always)]
fn centre<const FUSED: bool>(row: &mut [f32], epsilon: f32) -> f32 {
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
    1.0 / (variance + epsilon).sqrt()
}

/// `gradient · slope(input)` of one row into `output`, which is added to `sums`.
#[inline(always)]
pub(crate) fn activation_gradient<const FUSED: bool>(
    activation: Activation,
    gradient: &[f32],
    input: &[f32],
    output: &mut [f32],
    sums: &mut [f32],
) {
    // The function is chosen outside the loop, so that this stays one of vector instructions.
    match activation {
        Activation::Identity => multiply_slopes(|_| 1.0, gradient, input, output, sums),
        Activation::GeluErf => {
            multiply_slopes(|x| Activation::GeluErf.slope::<FUSED>(x), gradient, input, output, sums)
        }
        Activation::GeluTanh => {
            multiply_slopes(|x| Activation::GeluTanh.slope::<FUSED>(x), gradient, input, output, sums)
        }
        Activation::Silu => multiply_slopes(|x| Activation::Silu.slope::<FUSED>(x), gradient, input, output, sums),
    }
}

#[inline(always)]
fn multiply_slopes(slope: impl Fn(f32) -> f32, gradient: &[f32], input: &[f32], output: &mut [f32], sums: &mut [f32]) {
    for (((output, sum), gradient), input) in output.iter_mut().zip(sums).zip(gradient).zip(input) {
        *output = gradient * slope(*input);
        *sum += *output;
    }
}

/// Sums over rows of a normalisation's gradient, one for each column.
pub(crate) struct NormSums<'a> {
    /// Of the gradient times the normalised input.
    pub weight: &'a mut [f32],
    /// Of the gradient.
    pub bias: &'a mut [f32],
    /// Of the input's gradient.
    pub input: &'a mut [f32],
}

/// The gradient of [`normalise`]: of `row`, an input, which its own gradient replaces, from the `gradient` of its output.
///
/// With `x̂` the normalised row it is `(g - mean(g) - x̂ mean(g x̂)) / √(variance + epsilon)`, where `g = gradient · weight`.
#[inline(always)]
pub(crate) fn normalise_gradient<const FUSED: bool>(
    row: &mut [f32],
    gradient: &[f32],
    weight: &[f32],
    epsilon: f32,
    sums: NormSums<'_>,
) {
    let count = row.len() as f32;
    let factor = centre::<FUSED>(row, epsilon);
    let (mut means, mut along) = ([0.0; LANES], [0.0; LANES]);
    let (vectors, rest) = row.as_chunks::<LANES>();
    let (gradients, gradient_rest) = gradient.as_chunks::<LANES>();
    let (weights, weight_rest) = weight.as_chunks::<LANES>();
    for ((vector, gradient), weight) in vectors.iter().zip(gradients).zip(weights) {
        for lane in 0..LANES {
            let weighted = gradient[lane] * weight[lane];
            means[lane] += weighted;
            along[lane] = multiply_add::<FUSED>(weighted, vector[lane], along[lane]);
        }
    }
    for (lane, ((value, gradient), weight)) in rest.iter().zip(gradient_rest).zip(weight_rest).enumerate() {
        let weighted = gradient * weight;
        means[lane] += weighted;
        along[lane] = multiply_add::<FUSED>(weighted, *value, along[lane]);
    }
    // What is summed along the row is not divided by its deviation yet.
    let (mean, along) = (sum(means) / count, sum(along) / count * factor);
    let NormSums { weight: weight_sums, bias: bias_sums, input: input_sums } = sums;
    let operands = row.iter_mut().zip(gradient).zip(weight);
    for ((((value, gradient), weight), weight_sum), (bias_sum, input_sum)) in
        operands.zip(weight_sums).zip(bias_sums.iter_mut().zip(input_sums))
    {
        let normalised = *value * factor;
        *weight_sum = multiply_add::<FUSED>(*gradient, normalised, *weight_sum);
        *bias_sum += gradient;
        let rest = multiply_add::<FUSED>(*gradient, *weight, -mean);
        *value = multiply_add::<FUSED>(-normalised, along, rest) * factor;
        *input_sum += *value;
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
