//! The error function, and GELU by it.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// From here on the error function is 1 in float64: what it lacks is below 2.2e-17.
const ONE_FROM: f64 = 6.0;

/// `2/√π ∫₀ˣ exp(-t²) dt`, to a few units in the sixteenth digit: the series with positive terms only, which loses no digits
/// by cancellation (NIST, Digital Library of Mathematical Functions, 7.6.2, <https://dlmf.nist.gov/7.6#E2>):
/// `2/√π exp(-x²) Σₙ 2ⁿ x²ⁿ⁺¹ / (1 · 3 · … · (2n + 1))`.
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() >= ONE_FROM {
        return x.signum();
    }
    let double_square = 2.0 * x * x;
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    // Terms rise until `2n + 1` is `2x²` and fall from there on: a hundred at most, ten for the usual activations.
    while term.abs() > f64::EPSILON * sum.abs() {
        odd += 2.0;
        term *= double_square / odd;
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// `x Φ(x)` with the normal distribution function (Hendrycks and Gimpel, 2016, <https://arxiv.org/abs/1606.08415>).
pub(crate) fn gelu(x: f32) -> f32 {
    let x = f64::from(x);
    (0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_to_fifteen_digits() {
        // NIST, Handbook of Mathematical Functions, table 7.1, and erfc(5) = 1.5375e-12.
        let known = [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (3.0, 0.999_977_909_503_001_4),
            (5.0, 0.999_999_999_998_462_5),
            (7.0, 1.0),
        ];
        for (x, expected) in known {
            assert!((erf(x) - expected).abs() < 2e-15, "erf({x}) = {} for {expected}", erf(x));
            assert_eq!(erf(-x), -erf(x));
        }
        assert!(erf(f64::NAN).is_nan() && gelu(f32::NAN).is_nan());
        assert!((gelu(1.0) - 0.841_344_8).abs() < 1e-7 && gelu(-20.0) == 0.0 && gelu(20.0) == 20.0);
    }
}
