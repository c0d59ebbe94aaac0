//! The scores of numbers that a report prints, always together.

use serde::{Deserialize, Serialize};

use crate::error::MetricsError;
use crate::regression::RegressionMetric;
use crate::regression::rows::{NumberRows, Ranks};

/// All scores of one predictor of numbers on one split, by [`score_regression`]; field names are those of reports and
/// files.
///
/// Values agree with SciPy's `pearsonr` and `spearmanr`, and with scikit-learn's `r2_score`, `mean_absolute_error` and
/// `root_mean_squared_error`. Correlation with a constant is undefined and given as 0: a constant answer is no better
/// than the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RegressionScores {
    /// Rows scored.
    pub rows: u64,
    /// Pearson's correlation, -1 to 1; 0 where gold or the answer is constant. It ignores unit and offset of the answer.
    pub pearson: f64,
    /// Spearman's correlation: Pearson's of the ranks, equal values sharing their mean rank; -1 to 1, 0 where gold or the
    /// answer is constant.
    pub spearman: f64,
    /// Coefficient of determination, at most 1: the mean squared error as a share of the variance of gold, taken from 1. 0
    /// for always answering the mean of these rows. Of constant gold (also of one row) 1 if every answer is right,
    /// else 0.
    pub r2: f64,
    /// Mean absolute error, in the unit of gold: less is better.
    pub mae: f64,
    /// Root of the mean squared error, in the unit of gold: less is better.
    pub rmse: f64,
}

impl RegressionMetric {
    /// Returns the value of this metric in `scores`.
    pub fn of(self, scores: &RegressionScores) -> f64 {
        match self {
            Self::Pearson => scores.pearson,
            Self::Spearman => scores.spearman,
            Self::R2 => scores.r2,
            Self::Mae => scores.mae,
            Self::Rmse => scores.rmse,
        }
    }
}

/// Scores `predicted` against `gold`, both `[rows]`.
///
/// # Errors
/// [`MetricsError::NoRows`], [`MetricsError::LengthMismatch`], or [`MetricsError::InvalidNumber`] with the row.
pub fn score_regression(gold: &[f64], predicted: &[f64]) -> Result<RegressionScores, MetricsError> {
    let rows = NumberRows::new(gold, predicted, "predicted")?;
    let (once, mut ranks) = (vec![1; gold.len()], Ranks::default());
    let mut score = |metric| rows.score(metric, &once, &mut ranks);
    Ok(RegressionScores {
        rows: gold.len() as u64,
        pearson: score(RegressionMetric::Pearson),
        spearman: score(RegressionMetric::Spearman),
        r2: score(RegressionMetric::R2),
        mae: score(RegressionMetric::Mae),
        rmse: score(RegressionMetric::Rmse),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_those_of_reports() {
        let json = serde_json::to_string(&score_regression(&[1.0, 2.0], &[1.0, 2.0]).unwrap()).unwrap();
        assert_eq!(json, r#"{"rows":2,"pearson":1.0,"spearman":1.0,"r2":1.0,"mae":0.0,"rmse":0.0}"#);
    }

    #[test]
    fn constant_answers_are_no_better_than_the_mean() {
        let found = score_regression(&[1.0, 2.0, 6.0], &[3.0; 3]).unwrap();
        assert_eq!((found.pearson, found.spearman, found.r2), (0.0, 0.0, 0.0));
        assert_eq!((found.mae, found.rmse), (2.0, (14.0_f64 / 3.0).sqrt()));
        let found = score_regression(&[0.1; 3], &[0.1, 0.2, 0.3]).unwrap();
        assert_eq!((found.pearson, found.spearman, found.r2), (0.0, 0.0, 0.0));
        let found = score_regression(&[5.0], &[5.0]).unwrap();
        assert_eq!((found.pearson, found.r2, found.rmse), (0.0, 1.0, 0.0));
    }
}
