//! Scales and differences of vectors.

/// The largest value, 0 of none. `f64::max` passes over NaN; here one must not look like agreement.
pub(crate) fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
}

/// Root mean square; 1 for values that are all zero, whose differences are then absolute.
pub(crate) fn rms<'a>(values: impl IntoIterator<Item = &'a f32>) -> f64 {
    let (sum, count) =
        values.into_iter().fold((0.0, 0_usize), |(sum, count), value| (sum + f64::from(*value).powi(2), count + 1));
    if sum == 0.0 { 1.0 } else { (sum / count.max(1) as f64).sqrt() }
}

/// The mean over the tokens, `[hidden]`.
pub(crate) fn mean(token: &[f32], hidden: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; hidden];
    for vector in token.chunks_exact(hidden) {
        sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = (token.len() / hidden).max(1) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_scales_are_right() {
        assert_eq!(mean(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
        assert_eq!(rms(&[3.0, -3.0]), 3.0);
    }
}
