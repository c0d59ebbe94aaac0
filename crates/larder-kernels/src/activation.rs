//! Activation functions of a product's epilogue, made of operations that compilers turn into vector instructions.

/// A function of every element of a product. Each keeps a NaN and positive infinity, and gives `-0` for negative
/// infinity, the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// None: `x`.
    #[default]
    Identity,
    /// GELU as defined, `x/2 · (1 + erf(x/√2))` (Hendrycks and Gimpel 2016, arXiv:1606.08415); ONNX's `Gelu` with
    /// `approximate = "none"`. Within 3e-7 · max(1, |x|).
    GeluErf,
    /// GELU's approximation of the same paper, `x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`; ONNX's `Gelu` with
    /// `approximate = "tanh"`. Within 3e-7 · max(1, |x|) of this formula.
    GeluTanh,
    /// SiLU, `x / (1 + exp(-x))` (the same paper). Within 3e-7 · max(1, |x|).
    Silu,
}

impl Activation {
    /// Applies the function to every value. With `FUSED`, products and sums round once: for processors that have that.
    #[inline(always)]
    pub(crate) fn apply<const FUSED: bool>(self, values: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::GeluErf => values.iter_mut().for_each(|value| *value = gelu_erf::<FUSED>(*value)),
            Self::GeluTanh => values.iter_mut().for_each(|value| *value = gelu_tanh::<FUSED>(*value)),
            Self::Silu => values.iter_mut().for_each(|value| *value = silu::<FUSED>(*value)),
        }
    }
}

impl Activation {
    /// The derivative of the function at `x`, within 5e-7 of it. With `FUSED`, products and sums round once.
    #[inline(always)]
    pub(crate) fn slope<const FUSED: bool>(self, x: f32) -> f32 {
        match self {
            Self::Identity => 1.0,
            Self::GeluErf => gelu_erf_slope::<FUSED>(x),
            Self::GeluTanh => gelu_tanh_slope::<FUSED>(x),
            Self::Silu => silu_slope::<FUSED>(x),
        }
    }
}

#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(left: f32, right: f32, sum: f32) -> f32 {
    if FUSED { left.mul_add(right, sum) } else { left * right + sum }
}

/// `coefficients[0] + coefficients[1] x + ...`
#[inline(always)]
fn polynomial<const FUSED: bool, const COUNT: usize>(x: f32, coefficients: [f32; COUNT]) -> f32 {
    let mut value = coefficients[COUNT - 1];
    for at in (0..COUNT - 1).rev() {
        value = multiply_add::<FUSED>(value, x, coefficients[at]);
    }
    value
}

/// Beyond it the normal distribution's tail is less than 2e-8.
const TAIL: f32 = 5.5;

/// `Φ(x)`, the normal distribution, of `-TAIL <= x <= TAIL`: `Φ(x) - 1/2` as `x P(x²) / Q(x²)`, fitted for this crate to the least
/// maximal error, 8e-9.
#[inline(always)]
fn probability<const FUSED: bool>(x: f32) -> f32 {
    let square = x * x;
    let numerator = polynomial::<FUSED, 6>(
        square,
        [0.398_942_23, 0.033_852_585, 0.004_677_257, 0.000_168_825_1, 6.352_119_3e-6, 2.274_948e-8],
    );
    let denominator = polynomial::<FUSED, 6>(
        square,
        [1.0, 0.251_521_76, 0.028_645_837, 0.001_884_441_5, 7.364_735e-5, 1.197_507_4e-6],
    );
    multiply_add::<FUSED>(x, numerator / denominator, 0.5)
}

/// `x Φ(x)`.
#[inline(always)]
fn gelu_erf<const FUSED: bool>(x: f32) -> f32 {
    let probability = probability::<FUSED>(x.clamp(-TAIL, TAIL));
    if x < -TAIL { -0.0 } else { x * probability }
}

/// `Φ(x) + x φ(x)`.
#[inline(always)]
fn gelu_erf_slope<const FUSED: bool>(x: f32) -> f32 {
    const DENSITY_AT_ZERO: f32 = 0.398_942_3;
    // Beyond it the density times x is nothing, and its exponent still one that `exp` takes.
    let within = x.clamp(-13.0, 13.0);
    let density = DENSITY_AT_ZERO * exp::<FUSED>(-0.5 * within * within);
    multiply_add::<FUSED>(within, density, probability::<FUSED>(x.clamp(-TAIL, TAIL)))
}

#[inline(always)]
fn gelu_tanh<const FUSED: bool>(x: f32) -> f32 {
    // 1/2 (1 + tanh(y)) is sigmoid(2 y); 2 √(2/π) and 0.044715 times that.
    let twice = x * multiply_add::<FUSED>(x * x, 0.071_354_814, 1.595_769);
    if x < -10.0 { -0.0 } else { x * sigmoid::<FUSED>(twice) }
}

/// `s (1 + x z' (1 - s))` with `s = σ(z)`, `z = 2 √(2/π) (x + 0.044715 x³)`.
#[inline(always)]
fn gelu_tanh_slope<const FUSED: bool>(x: f32) -> f32 {
    // Beyond it the function is a line, or zero.
    let x = x.clamp(-10.0, 10.0);
    let square = x * x;
    let [gate, rest] = sigmoids::<FUSED>(x * multiply_add::<FUSED>(square, 0.071_354_814, 1.595_769));
    let steep = x * multiply_add::<FUSED>(square, 3.0 * 0.071_354_814, 1.595_769);
    gate * multiply_add::<FUSED>(steep, rest, 1.0)
}

/// `s (1 + x (1 - s))` with `s = σ(x)`.
#[inline(always)]
fn silu_slope<const FUSED: bool>(x: f32) -> f32 {
    let x = x.clamp(-87.0, 87.0);
    let [gate, rest] = sigmoids::<FUSED>(x);
    gate * multiply_add::<FUSED>(x, rest, 1.0)
}

#[inline(always)]
fn silu<const FUSED: bool>(x: f32) -> f32 {
    if x < -87.0 { -0.0 } else { x * sigmoid::<FUSED>(x) }
}

#[inline(always)]
fn sigmoid<const FUSED: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FUSED>(-x.clamp(-87.0, 87.0)))
}

/// `σ(x)` and `1 - σ(x)`, which a subtraction would leave few digits of.
#[inline(always)]
fn sigmoids<const FUSED: bool>(x: f32) -> [f32; 2] {
    let power = exp::<FUSED>(-x.clamp(-87.0, 87.0));
    let gate = 1.0 / (1.0 + power);
    [gate, power * gate]
}

/// `exp(x)` of `-87 <= x <= 88` within 2e-7 of it, as `2^whole · exp(rest)` with `rest` at most half of `ln 2`.
#[inline(always)]
pub(crate) fn exp<const FUSED: bool>(x: f32) -> f32 {
    let shifted = multiply_add::<FUSED>(x, std::f32::consts::LOG2_E, ROUNDER);
    let whole = shifted - ROUNDER;
    let rest = multiply_add::<FUSED>(whole, -LN_2[0], x);
    let rest = multiply_add::<FUSED>(whole, -LN_2[1], rest);
    let power = polynomial::<FUSED, 7>(rest, EXP);
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// Added and taken off again it rounds to a whole number, which its last bits then hold.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// `ln 2` in two parts: with the first, whole numbers have exact products.
pub(crate) const LN_2: [f32; 2] = [0.693_359_4, -0.000_212_194_44];

/// The series of `exp`.
pub(crate) const EXP: [f32; 7] = [1.0, 1.0, 0.5, 0.166_666_67, 0.041_666_67, 0.008_333_334, 0.001_388_889];

#[cfg(test)]
mod tests {
    use super::*;

    /// `erf` in float64: its power series near zero, the continued fraction of `erfc` beyond.
    fn erf(x: f64) -> f64 {
        let z = x.abs();
        let value = if z < 2.5 {
            let (mut term, mut sum) = (z, z);
            for n in 1..80 {
                term *= -z * z / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            sum * std::f64::consts::FRAC_2_SQRT_PI
        } else {
            let mut fraction = 0.0;
            for n in (1..200).rev() {
                fraction = f64::from(n) / 2.0 / (z + fraction);
            }
            1.0 - (-z * z).exp() / (z + fraction) / std::f64::consts::PI.sqrt()
        };
        value.copysign(x)
    }

    fn reference(activation: Activation, x: f64) -> f64 {
        match activation {
            Activation::Identity => x,
            Activation::GeluErf => x / 2.0 * (1.0 + erf(x / 2.0_f64.sqrt())),
            Activation::GeluTanh => {
                x / 2.0 * (1.0 + (std::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
            }
            Activation::Silu => x / (1.0 + (-x).exp()),
        }
    }

    const ALL: [Activation; 4] = [Activation::Identity, Activation::GeluErf, Activation::GeluTanh, Activation::Silu];

    fn both(activation: Activation, x: f32) -> [f32; 2] {
        let (mut fused, mut plain) = ([x], [x]);
        activation.apply::<true>(&mut fused);
        activation.apply::<false>(&mut plain);
        [fused[0], plain[0]]
    }

    #[test]
    fn each_is_as_exact_as_its_documentation_says() {
        assert!((erf(1.0) - 0.842_700_792_949_714_9).abs() < 1e-15);
        assert!((erf(3.0) - 0.999_977_909_503_001_4).abs() < 1e-15);
        for activation in ALL {
            let mut worst = 0.0_f64;
            for step in -40_000..=40_000 {
                let x = step as f32 * 0.000_5;
                for found in both(activation, x) {
                    let error = (f64::from(found) - reference(activation, f64::from(x))).abs();
                    worst = worst.max(error / f64::from(x.abs()).max(1.0));
                }
            }
            assert!(worst <= 3e-7, "{activation:?}: {worst:e}");
        }
    }

    /// By a quotient of differences of the reference, whose own error is below 1e-8.
    #[test]
    fn slopes_are_those_of_the_functions() {
        for activation in ALL {
            for step in -40_000..=40_000 {
                let x = step as f32 * 0.000_5;
                let [below, above] = [-1e-4, 1e-4].map(|step| reference(activation, f64::from(x) + step));
                let expected = (above - below) / 2e-4;
                for found in [activation.slope::<true>(x), activation.slope::<false>(x)] {
                    assert!((f64::from(found) - expected).abs() <= 5e-7, "{activation:?} at {x}: {found} {expected}");
                }
            }
            for found in [activation.slope::<true>(f32::NAN), activation.slope::<false>(f32::NAN)] {
                assert_eq!(found.is_nan(), activation != Activation::Identity, "{activation:?}");
            }
            for (x, expected) in [(f32::INFINITY, 1.0), (f32::MAX, 1.0), (f32::NEG_INFINITY, 0.0), (-f32::MAX, 0.0)] {
                let expected = if activation == Activation::Identity { 1.0 } else { expected };
                let found = activation.slope::<true>(x);
                assert!((found - expected).abs() < 1e-7, "{activation:?} at {x}: {found}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_kept() {
        for activation in ALL {
            for found in both(activation, f32::NAN) {
                assert!(found.is_nan(), "{activation:?}");
            }
            assert_eq!(both(activation, f32::INFINITY), [f32::INFINITY; 2], "{activation:?}");
            assert!(both(activation, 1e38).iter().all(|found| (found / 1e38 - 1.0).abs() < 1e-6), "{activation:?}");
            if activation != Activation::Identity {
                assert_eq!(both(activation, f32::NEG_INFINITY), [0.0; 2], "{activation:?}");
                assert_eq!(both(activation, -f32::MAX), [0.0; 2], "{activation:?}");
            }
        }
    }
}
