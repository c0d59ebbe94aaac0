//! Several runs of one set-up that differ in their seed.

use serde::{Deserialize, Serialize};

/// The mean and the spread of the scores of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the runs, as a sample of all runs there could be: divided by `n - 1`. 0 for one run.
    pub deviation: f64,
    /// Lowest.
    pub min: f64,
    /// Highest.
    pub max: f64,
    /// Number of runs.
    pub n: usize,
}

/// Summarises `values` (`[runs]`, finite). Of no values everything is 0, and `n` tells.
pub fn summarise(values: &[f64]) -> Summary {
    let Some(&first) = values.first() else {
        return Summary { mean: 0.0, deviation: 0.0, min: 0.0, max: 0.0, n: 0 };
    };
    let n = values.len();
    // Around the first value: equal values then have that very value as their mean and no deviation at all.
    let mean = first + values.iter().map(|value| value - first).sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Summary {
        mean,
        deviation: if n < 2 { 0.0 } else { (squares / (n - 1) as f64).sqrt() },
        min: values.iter().copied().fold(first, f64::min),
        max: values.iter().copied().fold(first, f64::max),
        n,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_is_that_of_a_sample() {
        // Squared distances from 5: 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32, over 7.
        let found = summarise(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert!((found.deviation - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15, "{found:?}");
        assert_eq!((found.mean, found.min, found.max, found.n), (5.0, 2.0, 9.0, 8));
    }

    #[test]
    fn equal_runs_do_not_deviate() {
        let found = summarise(&[0.1, 0.1, 0.1]);
        assert_eq!(found, Summary { mean: 0.1, deviation: 0.0, min: 0.1, max: 0.1, n: 3 });
    }

    #[test]
    fn one_run_and_none() {
        assert_eq!(summarise(&[-0.25]), Summary { mean: -0.25, deviation: 0.0, min: -0.25, max: -0.25, n: 1 });
        assert_eq!(summarise(&[]).n, 0);
    }
}
