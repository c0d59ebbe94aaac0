//! Baselines that need no model: one number for every row.

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::error::MetricsError;
use crate::regression::moments::mean;
use crate::regression::rows::check_numbers;
use crate::regression::{RegressionMetric, RegressionScores, score_regression};

spelled_enum! {
    /// The rule that chooses one number for every row.
    pub enum NumberConstant {
        /// Mean of train: of all constant answers, the one of least RMSE there.
        Mean = "mean",
        /// Median of train: of all constant answers, one of least MAE there.
        Median = "median",
    }
}

/// A constant answer and its scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConstantNumber {
    /// The constant answer.
    pub value: f64,
    /// Its scores on this split.
    pub scores: RegressionScores,
}

/// Scores of the constant answers of *train*, by [`regression_baseline`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RegressionBaseline {
    /// [`NumberConstant::Mean`].
    pub mean: ConstantNumber,
    /// [`NumberConstant::Median`].
    pub median: ConstantNumber,
}

impl RegressionBaseline {
    /// Returns the constant answer that `rule` chooses.
    pub fn constant(&self, rule: NumberConstant) -> &ConstantNumber {
        match rule {
            NumberConstant::Mean => &self.mean,
            NumberConstant::Median => &self.median,
        }
    }
}

impl RegressionMetric {
    /// Returns the constant to compare with by this metric: the one that is best by it on train. Correlation is 0 for both.
    pub fn constant(self) -> NumberConstant {
        match self {
            Self::Mae => NumberConstant::Median,
            Self::Pearson | Self::Spearman | Self::R2 | Self::Rmse => NumberConstant::Mean,
        }
    }
}

/// Scores on `gold` (`[rows]`) of always answering the mean and the median of `train` (`[rows of train]`).
///
/// # Errors
/// [`MetricsError::NoRows`], or [`MetricsError::InvalidNumber`] with the row.
pub fn regression_baseline(train: &[f64], gold: &[f64]) -> Result<RegressionBaseline, MetricsError> {
    check_numbers(train, "train")?;
    let scored = |value: f64| -> Result<ConstantNumber, MetricsError> {
        Ok(ConstantNumber { value, scores: score_regression(gold, &vec![value; gold.len()])? })
    };
    Ok(RegressionBaseline { mean: scored(mean(train, &vec![1; train.len()]))?, median: scored(median(train))? })
}

/// The middle value of at least one, the mean of two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_those_of_train() {
        let found = regression_baseline(&[1.0, 2.0, 9.0], &[2.0, 4.0, 6.0]).unwrap();
        assert_eq!((found.mean.value, found.median.value), (4.0, 2.0));
        let scores = found.mean.scores;
        assert_eq!((scores.pearson, scores.spearman, scores.r2, scores.mae), (0.0, 0.0, 0.0, 4.0 / 3.0));
        assert_eq!(found.constant(RegressionMetric::Mae.constant()).scores.mae, 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
    }

    #[test]
    fn malformed_rows_are_refused() {
        assert_eq!(regression_baseline(&[], &[1.0]).unwrap_err(), MetricsError::NoRows);
        assert_eq!(regression_baseline(&[1.0], &[]).unwrap_err(), MetricsError::NoRows);
        let error = regression_baseline(&[1.0, f64::INFINITY], &[1.0]).unwrap_err();
        assert_eq!(error, MetricsError::InvalidNumber { input: "train", row: 1, value: f64::INFINITY });
    }
}
