//! The log-loss of two classes and its derivative, for many rows at once.
//!
//! The library's `exp` and `ln_1p` take one number at a time, and a fit takes as long in them as in its products. Here both are written
//! out in plain arithmetic, which becomes vector instructions; they are right to a few units in the last place, and the same on
//! every processor.

/// What rows and fits are asked: the log-odds of class 1 and what they should be.
pub(crate) struct Asked<'a> {
    /// `[count]`
    pub(crate) log_odds: &'a [f64],
    /// 1 where the row is of class 1, else -1; `[count]`.
    pub(crate) signs: &'a [f64],
    /// The row's weight in the loss; 0 leaves it out, whatever its log-odds. `[count]`
    pub(crate) weights: &'a [f64],
}

/// Writes each weighted loss, and its derivative by the log-odds, `[count]` both. Stable for log-odds of any size.
pub(crate) fn losses_and_slopes(asked: &Asked<'_>, losses: &mut [f64], slopes: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been found to have AVX2.
        return unsafe { losses_and_slopes_avx2(asked, losses, slopes) };
    }
    losses_and_slopes_any(asked, losses, slopes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn losses_and_slopes_avx2(asked: &Asked<'_>, losses: &mut [f64], slopes: &mut [f64]) {
    losses_and_slopes_any(asked, losses, slopes);
}

#[inline(always)]
fn losses_and_slopes_any(asked: &Asked<'_>, losses: &mut [f64], slopes: &mut [f64]) {
    let rows = asked.log_odds.iter().zip(asked.signs).zip(asked.weights);
    for (((&log_odds, &sign), &weight), (loss, slope)) in rows.zip(losses.iter_mut().zip(slopes)) {
        let margin = sign * log_odds;
        let small = exp_of_minus(margin.abs());
        // The probability of the wrong class.
        let wrong = if margin >= 0.0 { small } else { 1.0 } / (1.0 + small);
        let of_row = ln_1p(small) + if margin >= 0.0 { 0.0 } else { -margin };
        let counts = weight != 0.0;
        *loss = if counts { weight * of_row } else { 0.0 };
        *slope = if counts { -sign * weight * wrong } else { 0.0 };
    }
}

/// `exp(-x)` of `x` from 0 on; of more than 708 it is that of 708, about 3e-308.
#[inline(always)]
fn exp_of_minus(x: f64) -> f64 {
    /// Adding it leaves a number's nearest integer in the lowest bits.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    // The logarithm of 2 in two parts, the first of so few bits that its multiples are exact.
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // 1 / k!, from 13 down.
    const COEFFICIENTS: [f64; 12] = [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
    ];
    // Not `min`, which would make a number of NaN.
    let x = if x > 708.0 { -708.0 } else { -x };
    let rounded = x * std::f64::consts::LOG2_E + ROUNDER;
    let halvings = rounded - ROUNDER;
    let rest = (x - halvings * LN_2_HIGH) - halvings * LN_2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    for coefficient in COEFFICIENTS {
        sum = sum * rest + coefficient;
    }
    let power_of_two = f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52);
    (sum * rest + 1.0) * power_of_two
}

/// `ln(1 + x)` of `x` from 0 to 1, as `2 atanh(x / (2 + x))`.
#[inline(always)]
fn ln_1p(x: f64) -> f64 {
    /// Terms of the series, of which each is a ninth of the one before, at most.
    const TERMS: usize = 17;
    let ratio = x / (2.0 + x);
    let square = ratio * ratio;
    let mut sum = 0.0;
    for term in (0..TERMS).rev() {
        sum = sum * square + 1.0 / (2 * term + 1) as f64;
    }
    2.0 * ratio * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_functions_are_right_to_the_last_places() {
        for step in 0..=70_900 {
            let x = f64::from(step) / 100.0;
            let expected = (-x.min(708.0)).exp();
            assert!((exp_of_minus(x) / expected - 1.0).abs() < 1e-15, "exp(-{x})");
            assert!(expected == 0.0 || (ln_1p(expected) / expected.ln_1p() - 1.0).abs() < 1e-15, "ln_1p({expected})");
        }
        assert_eq!((exp_of_minus(0.0), ln_1p(0.0)), (1.0, 0.0));
        assert!(exp_of_minus(f64::NAN).is_nan());
    }

    #[test]
    fn losses_and_slopes_are_those_of_the_definition() {
        let log_odds = [0.0, 1.5, -1.5, 40.0, -40.0, 1e4, -1e4, f64::NEG_INFINITY];
        let signs = [1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0];
        let weights = [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0];
        let (mut losses, mut slopes) = ([0.0; 8], [0.0; 8]);
        losses_and_slopes(&Asked { log_odds: &log_odds, signs: &signs, weights: &weights }, &mut losses, &mut slopes);
        let half = 0.5;
        let of_margin = |margin: f64| ((-margin).exp().ln_1p(), 1.0 / (1.0 + margin.exp()));
        let expected = [
            (2.0f64.ln(), -half),
            (2.0 * of_margin(1.5).0, -2.0 * of_margin(1.5).1),
            (of_margin(-1.5).0, -of_margin(-1.5).1),
            (40.0, 1.0),
            (40.0, -1.0),
            (0.0, 0.0),
            (5e3, -0.5),
            (0.0, 0.0),
        ];
        for ((loss, slope), expected) in losses.iter().zip(&slopes).zip(expected) {
            assert!((loss - expected.0).abs() <= 1e-15 * (1.0 + expected.0), "{loss} for {}", expected.0);
            assert!((slope - expected.1).abs() <= 1e-15, "{slope} for {}", expected.1);
        }
    }
}
