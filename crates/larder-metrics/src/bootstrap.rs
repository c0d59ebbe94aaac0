//! The percentile bootstrap over rows: intervals of one predictor's score and of the difference of two.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::classification::{ConfusionMatrix, Margins, Metric, PairedConfusion};
use crate::error::MetricsError;
use crate::resample::Resampler;
use crate::summary::summarise;

/// Resamples: the 2.5th percentile of 1,000 rests on 25 values, enough for the two digits that reports print;
/// it costs milliseconds.
pub const DEFAULT_RESAMPLES: usize = 1_000;

/// Confidence level: what readers of scores expect when none is said.
pub const DEFAULT_LEVEL: f64 = 0.95;

/// Seed: any will do, but the same numbers must give the same interval.
pub const DEFAULT_SEED: u64 = 0;

/// A percentile interval of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level, for example 0.95.
    pub level: f64,
}

impl Interval {
    /// Returns true if `value` lies in the interval, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Difference of two predictors on the same rows, first minus second: above 0 where the first is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference<M = Metric> {
    /// The metric compared; for taggers, the [`EntityRule`](crate::EntityRule) whose micro F1 it is.
    pub metric: M,
    /// Score of the first predictor minus score of the second; of an error, of which less is better, error of the second
    /// minus error of the first.
    pub difference: f64,
    /// Bootstrap interval of the difference.
    pub interval: Interval,
    /// Share of the resamples in which the first predictor is not better: a one-sided p-value, bounded below by the
    /// number of resamples.
    pub share_at_or_below_zero: f64,
}

/// Bootstrap over rows (Efron & Tibshirani 1993): rows are drawn with replacement, the score is computed on each
/// resample, and the interval spans the middle of those scores (percentile method, linear between order statistics
/// as numpy's default). It says how much the score would vary with other *test rows* of the same kind; the
/// predictor stays fixed.
///
/// Resamples of classes are drawn as counts of the confusion matrix's cells, which is exact, see the crate's `resample`
/// module: the cost does not depend on the number of rows. Of taggers the rows are whole sentences, because the
/// words of one stand or fall together. Rows of label sets and of numbers are drawn one by one: hardly two are alike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Number of resamples, [`DEFAULT_RESAMPLES`].
    pub resamples: usize,
    /// Confidence level, [`DEFAULT_LEVEL`].
    pub level: f64,
    /// Seed, [`DEFAULT_SEED`]; the same seed gives the same interval.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: DEFAULT_RESAMPLES, level: DEFAULT_LEVEL, seed: DEFAULT_SEED }
    }
}

impl Bootstrap {
    /// Computes the interval of `metric` for the answers counted in `matrix`.
    ///
    /// # Errors
    /// [`MetricsError::NoResamples`], [`MetricsError::InvalidLevel`].
    pub fn interval(&self, matrix: &ConfusionMatrix, metric: Metric) -> Result<Interval, MetricsError> {
        self.check()?;
        let cells: Vec<(usize, usize, u64)> = matrix.cells().collect();
        let mut margins = Margins::new(matrix.classes());
        let scores = self.scores(cells.iter().map(|cell| cell.2).collect(), |drawn| {
            margins.clear();
            for &(cell, count) in drawn {
                margins.add(cells[cell].0, cells[cell].1, count);
            }
            metric.of_margins(&margins)
        });
        Ok(self.percentiles(scores))
    }

    /// Compares two predictors: every resample judges both on the same drawn rows, so what makes a row hard for
    /// both cancels.
    ///
    /// # Errors
    /// [`MetricsError::NoResamples`], [`MetricsError::InvalidLevel`].
    pub fn paired_difference(
        &self,
        paired: &PairedConfusion,
        metric: Metric,
    ) -> Result<PairedDifference, MetricsError> {
        let (difference, differences) = self.differences(paired, metric)?;
        Ok(self.difference(metric, difference, differences))
    }

    /// Computes the difference of two predictors' scores (first minus second), and its standard error: the deviation of
    /// the resampled differences.
    ///
    /// # Errors
    /// [`MetricsError::NoResamples`], [`MetricsError::InvalidLevel`].
    pub fn paired_gain(&self, paired: &PairedConfusion, metric: Metric) -> Result<(f64, f64), MetricsError> {
        let (difference, differences) = self.differences(paired, metric)?;
        Ok((difference, summarise(&differences).deviation))
    }

    /// The difference found, and that of every resample.
    fn differences(&self, paired: &PairedConfusion, metric: Metric) -> Result<(f64, Vec<f64>), MetricsError> {
        self.check()?;
        let cells = paired.cells();
        let mut first = Margins::new(paired.classes());
        let mut second = Margins::new(paired.classes());
        let add = |first: &mut Margins, second: &mut Margins, cell: usize, count: u64| {
            let [gold, a, b] = cells[cell].0;
            first.add(gold, a, count);
            second.add(gold, b, count);
        };
        for (cell, (_, count)) in cells.iter().enumerate() {
            add(&mut first, &mut second, cell, *count);
        }
        let difference = metric.of_margins(&first) - metric.of_margins(&second);

        let differences = self.scores(cells.iter().map(|cell| cell.1).collect(), |drawn| {
            first.clear();
            second.clear();
            for &(cell, count) in drawn {
                add(&mut first, &mut second, cell, count);
            }
            metric.of_margins(&first) - metric.of_margins(&second)
        });
        Ok((difference, differences))
    }

    /// `score` of every resample, from the drawn cells (index and count) of those that `counts` (`[cells]`) has.
    pub(crate) fn scores(&self, counts: Vec<u64>, mut score: impl FnMut(&[(usize, u64)]) -> f64) -> Vec<f64> {
        let resampler = Resampler::new(counts);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut drawn = Vec::new();
        let one = |_| {
            drawn.clear();
            resampler.draw(&mut rng, |cell, count| drawn.push((cell, count)));
            score(&drawn)
        };
        (0..self.resamples).map(one).collect()
    }

    /// `score` of every resample, from how often each row of `rows` was drawn, `[rows]`.
    pub(crate) fn row_scores(&self, rows: usize, mut score: impl FnMut(&[u32]) -> f64) -> Vec<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut counts = vec![0; rows];
        let one = |_| {
            counts.fill(0);
            for _ in 0..rows {
                counts[rng.random_range(0..rows)] += 1;
            }
            score(&counts)
        };
        (0..self.resamples).map(one).collect()
    }

    /// Makes the difference and its interval of the `difference` found and the resampled `differences`.
    pub(crate) fn difference<M>(&self, metric: M, difference: f64, differences: Vec<f64>) -> PairedDifference<M> {
        let not_better = differences.iter().filter(|difference| **difference <= 0.0).count();
        PairedDifference {
            metric,
            difference,
            share_at_or_below_zero: not_better as f64 / self.resamples as f64,
            interval: self.percentiles(differences),
        }
    }

    pub(crate) fn check(&self) -> Result<(), MetricsError> {
        if self.resamples == 0 {
            return Err(MetricsError::NoResamples);
        }
        // Written so that NaN fails.
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(MetricsError::InvalidLevel(self.level));
        }
        Ok(())
    }

    pub(crate) fn percentiles(&self, mut scores: Vec<f64>) -> Interval {
        scores.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Interval { low: quantile(&scores, tail), high: quantile(&scores, 1.0 - tail), level: self.level }
    }
}

/// Quantile of ascending values, linear between the two nearest.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> ConfusionMatrix {
        ConfusionMatrix::try_from(vec![vec![40, 20], vec![15, 125]]).unwrap()
    }

    #[test]
    fn quantiles_are_linear() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }

    #[test]
    fn drawn_rows_have_the_multinomials_mean_and_variance() {
        let (rows, resamples) = (20, 20_000);
        let bootstrap = Bootstrap { resamples, ..Bootstrap::default() };
        let (mut sums, mut squares) = (vec![0.0; rows], vec![0.0; rows]);
        bootstrap.row_scores(rows, |counts| {
            assert_eq!(counts.iter().sum::<u32>(), 20);
            for (row, &count) in counts.iter().enumerate() {
                sums[row] += f64::from(count);
                squares[row] += f64::from(count).powi(2);
            }
            0.0
        });
        for row in 0..rows {
            let (mean, square) = (sums[row] / resamples as f64, squares[row] / resamples as f64);
            // Mean 1 and variance 0.95, of which 20,000 draws have standard errors of 0.007 and about 0.012: five of them.
            assert!((mean - 1.0).abs() < 0.035, "mean of row {row}: {mean}");
            assert!((square - mean * mean - 0.95).abs() < 0.06, "variance of row {row}: {}", square - mean * mean);
        }
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let bootstrap = Bootstrap::default();
        let first = bootstrap.interval(&matrix(), Metric::Mcc).unwrap();
        assert_eq!(first, bootstrap.interval(&matrix(), Metric::Mcc).unwrap());
        let other = Bootstrap { seed: 1, ..bootstrap }.interval(&matrix(), Metric::Mcc).unwrap();
        assert_ne!(first, other);
        assert!(first.contains(Metric::Mcc.of(&matrix())) && !first.contains(first.high + 1e-9));
    }

    #[test]
    fn a_perfect_predictor_has_no_width_in_accuracy() {
        let matrix = ConfusionMatrix::from_classes(&[0, 1, 1], &[0, 1, 1], 2).unwrap();
        let found = Bootstrap::default().interval(&matrix, Metric::Accuracy).unwrap();
        assert_eq!(found, Interval { low: 1.0, high: 1.0, level: 0.95 });
    }

    #[test]
    fn a_predictor_does_not_differ_from_itself() {
        let (gold, predicted) = ([0, 1, 1, 0, 1], [0, 1, 0, 0, 1]);
        let paired = PairedConfusion::from_classes(&gold, &predicted, &predicted, 2).unwrap();
        let found = Bootstrap::default().paired_difference(&paired, Metric::MacroF1).unwrap();
        assert_eq!((found.difference, found.share_at_or_below_zero), (0.0, 1.0));
        assert_eq!((found.interval.low, found.interval.high), (0.0, 0.0));
    }

    #[test]
    fn swapping_the_predictors_turns_the_sign() {
        let gold = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
        let (a, b) = ([0, 0, 0, 1, 1, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
        let bootstrap = Bootstrap { resamples: 4_000, ..Bootstrap::default() };
        let compare = |first: &[usize], second: &[usize]| {
            let paired = PairedConfusion::from_classes(&gold, first, second, 2).unwrap();
            bootstrap.paired_difference(&paired, Metric::Accuracy).unwrap()
        };
        let (forward, backward) = (compare(&a, &b), compare(&b, &a));
        assert!((forward.difference - 0.4).abs() < 1e-12);
        assert!((backward.difference + 0.4).abs() < 1e-12);
        // Four rows favour the first, none the second: not better means that none of the four is among ten draws,
        // 0.6^10 = 0.006. The standard error of the share is 0.0012.
        assert!((forward.share_at_or_below_zero - 0.006).abs() < 0.006, "{forward:?}");
        assert!(forward.share_at_or_below_zero > 0.0);
        assert_eq!(backward.share_at_or_below_zero, 1.0);
    }

    #[test]
    fn the_standard_error_of_a_gain_is_that_of_the_rows_that_differ() {
        // The first is right where the second is wrong on 30 of 400 rows, and the other way round on 10.
        let gold = vec![0; 400];
        let first: Vec<usize> = (0..400).map(|row| usize::from((30..40).contains(&row))).collect();
        let second: Vec<usize> = (0..400).map(|row| usize::from(row < 30)).collect();
        let paired = PairedConfusion::from_classes(&gold, &first, &second, 2).unwrap();
        let (gain, error) = Bootstrap::default().paired_gain(&paired, Metric::Accuracy).unwrap();
        assert!((gain - 0.05).abs() < 1e-12);
        // Of a mean of +1, -1 and 0; a deviation of 1,000 draws is known to 2.2 %: four of those.
        let expected = ((40.0 / 400.0 - 0.05 * 0.05) / 400.0_f64).sqrt();
        assert!((error / expected - 1.0).abs() < 0.09, "{error} {expected}");
        let same = PairedConfusion::from_classes(&gold, &first, &first, 2).unwrap();
        assert_eq!(Bootstrap::default().paired_gain(&same, Metric::Mcc).unwrap(), (0.0, 0.0));
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        let none = Bootstrap { resamples: 0, ..Bootstrap::default() };
        assert_eq!(none.interval(&matrix(), Metric::Mcc).unwrap_err(), MetricsError::NoResamples);
        for level in [0.0, 1.0, 95.0, f64::NAN] {
            let bootstrap = Bootstrap { level, ..Bootstrap::default() };
            assert!(matches!(bootstrap.interval(&matrix(), Metric::Mcc), Err(MetricsError::InvalidLevel(_))));
        }
    }
}
