//! One predictor's numbers beside gold, in the form that every resample is scored from.

use crate::error::MetricsError;
use crate::regression::RegressionMetric;
use crate::regression::moments::{pearson, squared_deviation};
use crate::regression::ranks::RankOrder;

/// The largest magnitude scored: the square of a difference, and its sum over rows, must fit.
const LARGEST: f64 = 1e100;

/// Gold and predicted, `[rows]`, with what no resample changes.
pub(crate) struct NumberRows<'a> {
    gold: &'a [f64],
    predicted: &'a [f64],
    gold_order: RankOrder,
    predicted_order: RankOrder,
}

/// Ranks of one resample, `[rows]` each; kept between them.
#[derive(Default)]
pub(crate) struct Ranks {
    gold: Vec<f64>,
    predicted: Vec<f64>,
}

impl<'a> NumberRows<'a> {
    /// Reads the rows of `predicted`, called `name` in errors.
    pub(crate) fn new(gold: &'a [f64], predicted: &'a [f64], name: &'static str) -> Result<Self, MetricsError> {
        if gold.len() != predicted.len() {
            return Err(MetricsError::LengthMismatch { gold: gold.len(), other: name, found: predicted.len() });
        }
        check_numbers(gold, "gold")?;
        check_numbers(predicted, name)?;
        Ok(Self { gold, predicted, gold_order: RankOrder::new(gold), predicted_order: RankOrder::new(predicted) })
    }

    pub(crate) fn rows(&self) -> usize {
        self.gold.len()
    }

    /// Computes `metric` of the rows drawn `counts` times each, `[rows]`.
    pub(crate) fn score(&self, metric: RegressionMetric, counts: &[u32], ranks: &mut Ranks) -> f64 {
        match metric {
            RegressionMetric::Pearson => pearson(self.gold, self.predicted, counts),
            RegressionMetric::Spearman => {
                ranks.gold.resize(self.rows(), 0.0);
                ranks.predicted.resize(self.rows(), 0.0);
                self.gold_order.write_ranks(counts, &mut ranks.gold);
                self.predicted_order.write_ranks(counts, &mut ranks.predicted);
                pearson(&ranks.gold, &ranks.predicted, counts)
            }
            RegressionMetric::R2 => self.r2(counts),
            RegressionMetric::Mae => self.mean_error(counts, f64::abs),
            RegressionMetric::Rmse => self.mean_error(counts, |error| error * error).sqrt(),
        }
    }

    /// 1 less the squared errors over the squared deviations of gold.
    fn r2(&self, counts: &[u32]) -> f64 {
        let errors = self.summed_error(counts, |error| error * error);
        let deviation = squared_deviation(self.gold, counts);
        match (errors == 0.0, deviation == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            // Gold that hardly varies divides to infinity, which no file of scores can hold.
            (false, false) => (1.0 - errors / deviation).max(f64::MIN),
        }
    }

    fn mean_error(&self, counts: &[u32], of: impl Fn(f64) -> f64) -> f64 {
        self.summed_error(counts, of) / counts.iter().map(|&count| f64::from(count)).sum::<f64>()
    }

    fn summed_error(&self, counts: &[u32], of: impl Fn(f64) -> f64) -> f64 {
        let rows = self.gold.iter().zip(self.predicted).zip(counts);
        rows.map(|((gold, predicted), &count)| f64::from(count) * of(predicted - gold)).sum()
    }
}

/// Refuses no rows at all, and numbers that cannot be scored; `input` names `numbers` (`[rows]`) in errors.
pub(crate) fn check_numbers(numbers: &[f64], input: &'static str) -> Result<(), MetricsError> {
    if numbers.is_empty() {
        return Err(MetricsError::NoRows);
    }
    // NaN is in no range.
    match numbers.iter().enumerate().find(|(_, value)| !(-LARGEST..=LARGEST).contains(*value)) {
        Some((row, &value)) => Err(MetricsError::InvalidNumber { input, row, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A row drawn twice counts as two equal rows.
        #[test]
        fn counts_of_rows_are_repeated_rows(
            rows in prop::collection::vec((0_u32..4, -3_i8..=3, -3_i8..=3), 1..20),
        ) {
            prop_assume!(rows.iter().any(|row| row.0 > 0));
            // Thirds: sums of them are rounded.
            let numbers = |rows: &[(u32, i8, i8)]| -> (Vec<f64>, Vec<f64>) {
                rows.iter().map(|row| (f64::from(row.1) / 3.0, f64::from(row.2) / 3.0)).unzip()
            };
            let (gold, predicted) = numbers(&rows);
            let counts: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let drawn = NumberRows::new(&gold, &predicted, "predicted").unwrap();
            let repeated: Vec<_> = rows.iter().flat_map(|row| vec![*row; row.0 as usize]).collect();
            let (gold, predicted) = numbers(&repeated);
            let repeated = NumberRows::new(&gold, &predicted, "predicted").unwrap();
            for &metric in RegressionMetric::ALL {
                let drawn = drawn.score(metric, &counts, &mut Ranks::default());
                let repeated = repeated.score(metric, &vec![1; gold.len()], &mut Ranks::default());
                // Sums of up to 60 terms in another grouping.
                prop_assert!((drawn - repeated).abs() < 1e-12, "{metric}: {drawn} {repeated}");
            }
        }
    }

    #[test]
    fn numbers_that_cannot_be_scored_name_their_row() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2e100] {
            let error = NumberRows::new(&[0.0, 1.0], &[0.0, value], "predicted").err().unwrap();
            assert!(matches!(error, MetricsError::InvalidNumber { input: "predicted", row: 1, .. }));
            let error = NumberRows::new(&[value, 1.0], &[0.0, 1.0], "predicted").err().unwrap();
            assert!(matches!(error, MetricsError::InvalidNumber { input: "gold", row: 0, .. }));
        }
        assert_eq!(NumberRows::new(&[], &[], "predicted").err(), Some(MetricsError::NoRows));
        let error = NumberRows::new(&[1.0], &[], "predicted").err().unwrap();
        assert_eq!(error, MetricsError::LengthMismatch { gold: 1, other: "predicted", found: 0 });
    }

    #[test]
    fn the_largest_numbers_have_finite_scores() {
        let rows = NumberRows::new(&[0.0, 1e-160, 0.0], &[1e100, -1e100, 1e100], "predicted").unwrap();
        for &metric in RegressionMetric::ALL {
            assert!(rows.score(metric, &[1; 3], &mut Ranks::default()).is_finite(), "{metric}");
        }
    }
}
