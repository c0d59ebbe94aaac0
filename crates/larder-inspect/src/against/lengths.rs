//! Lengths of texts compared.

use serde::Serialize;

/// Lengths of two files' texts compared by the Kolmogorov-Smirnov test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LengthDifference {
    /// Mean length of each, in tokens.
    pub means: [f64; 2],
    /// The largest difference between the shares of texts up to a length.
    pub largest_share: f64,
    /// The probability of a difference so large if both had one distribution; for lengths, which are whole numbers, at most this.
    pub p_value: f64,
}

impl LengthDifference {
    /// Compares lengths; `None` where one has none.
    pub(super) fn of(first: &[u64], second: &[u64]) -> Option<Self> {
        if first.is_empty() || second.is_empty() {
            return None;
        }
        let sorted = |lengths: &[u64]| {
            let mut sorted = lengths.to_vec();
            sorted.sort_unstable();
            sorted
        };
        let (a, b) = (sorted(first), sorted(second));
        let up_to =
            |sorted: &[u64], length: u64| sorted.partition_point(|&one| one <= length) as f64 / sorted.len() as f64;
        let apart = |&length: &u64| (up_to(&a, length) - up_to(&b, length)).abs();
        let largest_share = a.iter().chain(&b).map(apart).fold(0.0, f64::max);
        let mean = |lengths: &[u64]| lengths.iter().sum::<u64>() as f64 / lengths.len() as f64;
        let pairs = (a.len() as f64 * b.len() as f64 / (a.len() + b.len()) as f64).sqrt();
        // Stephens 1970: the limit distribution, corrected for finite samples.
        let scaled = (pairs + 0.12 + 0.11 / pairs) * largest_share;
        Some(Self { means: [mean(first), mean(second)], largest_share, p_value: kolmogorov(scaled) })
    }
}

/// The probability that the Kolmogorov distribution is above `x`: `2 Σₖ (-1)ᵏ⁻¹ exp(-2 k² x²)`.
fn kolmogorov(x: f64) -> f64 {
    // Below, the sum converges slowly, to 1.
    if x < 0.3 {
        return 1.0;
    }
    let term = |k: i32| f64::from(1 - 2 * ((k - 1) % 2)) * (-2.0 * f64::from(k * k) * x * x).exp();
    (2.0 * (1..=20).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_distribution_is_that_of_the_tables() {
        // scipy.special.kolmogorov of scipy 1.17.1.
        for (x, expected) in [
            (0.5, 0.9639452436648751),
            (1.0, 0.26999967167735456),
            (1.36, 0.049485876755377876),
            (2.0, 0.0006709252557796953),
        ] {
            assert!((kolmogorov(x) - expected).abs() < 1e-12, "{x}: {}", kolmogorov(x));
        }
    }

    #[test]
    fn lengths_that_differ_are_told() {
        let one: Vec<u64> = (0..400).map(|at| 5 + at % 20).collect();
        let longer: Vec<u64> = one.iter().map(|length| length + 4).collect();
        let same = LengthDifference::of(&one, &one[..200]).unwrap();
        assert_eq!((same.largest_share, same.p_value), (0.0, 1.0));
        let found = LengthDifference::of(&one, &longer).unwrap();
        assert!((found.largest_share - 0.2).abs() < 1e-12 && found.means == [14.5, 18.5], "{found:?}");
        assert!(found.p_value < 1e-6, "{found:?}");
        assert_eq!(LengthDifference::of(&one, &[]), None);
    }
}
