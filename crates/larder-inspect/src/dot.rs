//! Scalar products whose sums the compiler can keep in vectors.

/// Sums side by side: enough to keep the adders of any processor busy. Their order is fixed, so results are the same on every
/// processor.
const LANES: usize = 16;

/// The scalar product of two vectors of one length.
pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (lefts, left_rest) = left.as_chunks::<LANES>();
    let (rights, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in lefts.iter().zip(rights) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_chunks_and_the_rest_are_added() {
        for length in [0, 1, 15, 16, 17, 40] {
            let left: Vec<f64> = (0..length).map(f64::from).collect();
            let right: Vec<f64> = left.iter().map(|value| value + 1.0).collect();
            let expected: f64 = left.iter().map(|value| value * (value + 1.0)).sum();
            assert_eq!(dot(&left, &right), expected, "length {length}");
        }
    }
}
