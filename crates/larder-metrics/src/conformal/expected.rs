//! The distance by chance of measured coverage from what was asked.

use crate::Interval;

/// Normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;
/// The level of both intervals.
const LEVEL: f64 = 0.95;

/// Returns the interval in which 95 % of measured coverages lie where rows are exchangeable. Over calibration sets coverage has
/// the distribution Beta(rank, calibration + 1 - rank) (Vovk 2012), so the covered ones of `rows` are beta-binomial.
pub fn expected_coverage(rank: usize, calibration: usize, rows: usize) -> Interval {
    if rank > calibration || rows == 0 {
        return Interval { low: 1.0, high: 1.0, level: LEVEL };
    }
    let (a, b, m) = (rank as f64, (calibration + 1 - rank) as f64, rows as f64);
    let mut log: f64 = (0..rows).map(|j| ((b + j as f64) / (a + b + j as f64)).ln()).sum();
    let (mut low, mut sum) = (None, 0.0);
    let tail = (1.0 - LEVEL) / 2.0;
    for covered in 0..=rows {
        sum += log.exp();
        if low.is_none() && sum >= tail {
            low = Some(covered);
        }
        if sum >= 1.0 - tail {
            let (low, high) = (low.unwrap_or(covered) as f64 / m, covered as f64 / m);
            return Interval { low, high, level: LEVEL };
        }
        let k = covered as f64;
        log += ((m - k) / (k + 1.0) * (a + k) / (b + m - k - 1.0)).ln();
    }
    Interval { low: low.map_or(1.0, |low| low as f64 / m), high: 1.0, level: LEVEL }
}

/// Returns Wilson's 95 % interval of a share.
pub(super) fn wilson(covered: usize, rows: usize) -> Interval {
    if rows == 0 {
        return Interval { low: 0.0, high: 1.0, level: LEVEL };
    }
    let (n, share) = (rows as f64, covered as f64 / rows as f64);
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Interval { low: ((centre - half) / scale).max(0.0), high: ((centre + half) / scale).min(1.0), level: LEVEL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_shares_are_wilsons() {
        // statsmodels' proportion_confint(81, 90, method="wilson").
        let found = wilson(81, 90);
        assert!((found.low - 0.820_758).abs() < 1e-6 && (found.high - 0.946_493).abs() < 1e-6, "{found:?}");
        assert_eq!(expected_coverage(5, 4, 10).low, 1.0, "too few rows cover everything");
    }
}
