//! The two products of a fit, `rows · weights` and `rowsᵀ · residuals`, for blocks of rows and few columns.
//!
//! General matrix products pack their operands first, which costs more than the product itself when there are only
//! five to ten columns (one a fold). Here every operand lies along the dimensions, weights and products as
//! `[columns, width]`, so that plain loops become vector instructions. The order of additions is written out (sums of
//! [`PARTS`] interleaved parts), so results are the same on every processor, whatever the width of its vectors.

use crate::real::Real;

/// Interleaved parts of one scalar product: enough independent sums to keep the adders of any processor busy.
const PARTS: usize = 16;

/// Adds `rows [count, width] · weightsᵀ [columns, width]` to `logits [count, columns]`.
pub(crate) fn forward<F: Real>(width: usize, rows: &[F], weights: &[F], logits: &mut [F]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been found to have AVX2.
        return unsafe { forward_avx2(width, rows, weights, logits) };
    }
    forward_any(width, rows, weights, logits);
}

/// Adds `residualsᵀ [count, columns] · rows [count, width]` to `products [columns, width]`.
pub(crate) fn backward<F: Real>(width: usize, rows: &[F], residuals: &[F], products: &mut [F]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been found to have AVX2.
        return unsafe { backward_avx2(width, rows, residuals, products) };
    }
    backward_any(width, rows, residuals, products);
}

/// Writes `(values - mean) * inverse_scale` into `target`.
pub(crate) fn standardise<F: Real>(target: &mut [F], values: &[f32], mean: &[F], inverse_scale: &[F]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been found to have AVX2.
        return unsafe { standardise_avx2(target, values, mean, inverse_scale) };
    }
    standardise_any(target, values, mean, inverse_scale);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn forward_avx2<F: Real>(width: usize, rows: &[F], weights: &[F], logits: &mut [F]) {
    forward_any(width, rows, weights, logits);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn backward_avx2<F: Real>(width: usize, rows: &[F], residuals: &[F], products: &mut [F]) {
    backward_any(width, rows, residuals, products);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn standardise_avx2<F: Real>(target: &mut [F], values: &[f32], mean: &[F], inverse_scale: &[F]) {
    standardise_any(target, values, mean, inverse_scale);
}

#[inline(always)]
fn forward_any<F: Real>(width: usize, rows: &[F], weights: &[F], logits: &mut [F]) {
    let columns = weights.len() / width;
    let mut pairs = rows.chunks_exact(2 * width);
    let mut targets = logits.chunks_exact_mut(2 * columns);
    for (pair, targets) in (&mut pairs).zip(&mut targets) {
        let (first, second) = pair.split_at(width);
        let (of_first, of_second) = targets.split_at_mut(columns);
        for ((weights, first_logit), second_logit) in weights.chunks_exact(width).zip(of_first).zip(of_second) {
            let (of_first, of_second) = dots(first, second, weights);
            *first_logit += of_first;
            *second_logit += of_second;
        }
    }
    let last = pairs.remainder();
    for (weights, logit) in weights.chunks_exact(width).zip(targets.into_remainder()) {
        *logit += dots(last, last, weights).0;
    }
}

/// The scalar products of two rows with one column, which is loaded once for both.
#[inline(always)]
fn dots<F: Real>(first: &[F], second: &[F], column: &[F]) -> (F, F) {
    let (mut of_first, mut of_second) = ([F::zero(); PARTS], [F::zero(); PARTS]);
    let (mut firsts, mut seconds) = (first.chunks_exact(PARTS), second.chunks_exact(PARTS));
    let mut weights = column.chunks_exact(PARTS);
    for ((first, second), weights) in (&mut firsts).zip(&mut seconds).zip(&mut weights) {
        for part in 0..PARTS {
            of_first[part] += first[part] * weights[part];
            of_second[part] += second[part] * weights[part];
        }
    }
    let (mut first_sum, mut second_sum) = (F::zero(), F::zero());
    for ((&first, &second), &weight) in firsts.remainder().iter().zip(seconds.remainder()).zip(weights.remainder()) {
        first_sum += first * weight;
        second_sum += second * weight;
    }
    for part in 0..PARTS {
        first_sum += of_first[part];
        second_sum += of_second[part];
    }
    (first_sum, second_sum)
}

#[inline(always)]
fn backward_any<F: Real>(width: usize, rows: &[F], residuals: &[F], products: &mut [F]) {
    let columns = products.len() / width;
    let mut quads = rows.chunks_exact(4 * width);
    let mut sources = residuals.chunks_exact(4 * columns);
    for (quad, residuals) in (&mut quads).zip(&mut sources) {
        let (front, back) = quad.split_at(2 * width);
        let ((first, second), (third, fourth)) = (front.split_at(width), back.split_at(width));
        for (column, products) in products.chunks_exact_mut(width).enumerate() {
            let [one, two, three, four] = std::array::from_fn(|row| residuals[row * columns + column]);
            for ((((product, &first), &second), &third), &fourth) in
                products.iter_mut().zip(first).zip(second).zip(third).zip(fourth)
            {
                // Row by row: the same order as below.
                *product = *product + first * one + second * two + third * three + fourth * four;
            }
        }
    }
    for (row, residuals) in quads.remainder().chunks_exact(width).zip(sources.remainder().chunks_exact(columns)) {
        for (products, &residual) in products.chunks_exact_mut(width).zip(residuals) {
            for (product, &value) in products.iter_mut().zip(row) {
                *product += value * residual;
            }
        }
    }
}

#[inline(always)]
fn standardise_any<F: Real>(target: &mut [F], values: &[f32], mean: &[F], inverse_scale: &[F]) {
    for (((target, &value), &mean), &inverse) in target.iter_mut().zip(values).zip(mean).zip(inverse_scale) {
        *target = (F::from_f32(value) - mean) * inverse;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row counts and widths on both sides of the multiples of two, four and sixteen.
    #[test]
    fn both_products_agree_with_the_definition() {
        for columns in [1, 2, 5] {
            for (count, width) in [(1, 1), (4, 16), (7, 5), (13, 35)] {
                let rows: Vec<f64> = (0..count * width).map(|index| ((index * 7919) % 31) as f64 - 15.0).collect();
                let weights: Vec<f64> = (0..columns * width).map(|index| ((index * 3) % 11) as f64 - 5.0).collect();
                let mut logits: Vec<f64> = (0..count * columns).map(|index| index as f64).collect();
                forward(width, &rows, &weights, &mut logits);
                let mut products = vec![1.0; columns * width];
                backward(width, &rows, &logits, &mut products);
                // All numbers are small integers: both sides are exact.
                for column in 0..columns {
                    for row in 0..count {
                        let sum: f64 = (0..width).map(|at| rows[row * width + at] * weights[column * width + at]).sum();
                        let at = row * columns + column;
                        assert_eq!(logits[at], sum + at as f64);
                    }
                    for at in 0..width {
                        let sum: f64 =
                            (0..count).map(|row| rows[row * width + at] * logits[row * columns + column]).sum();
                        assert_eq!(products[column * width + at], sum + 1.0);
                    }
                }
            }
        }
    }
}
