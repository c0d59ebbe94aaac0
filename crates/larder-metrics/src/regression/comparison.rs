//! The verdict on a predictor of numbers beside the constant answers.

use crate::baseline_difference::BaselineDifference;
use crate::bootstrap::Bootstrap;
use crate::error::MetricsError;
use crate::regression::{NumberConstant, RegressionBaseline, RegressionMetric};

/// Compares `metric` of `predicted` with that of a constant answer of `baseline` on the rows of `gold`, all `[rows]`:
/// with the median of train by [`Mae`](RegressionMetric::Mae), with its mean by every other metric. Paired: the same
/// resampled rows judge both.
///
/// # Errors
/// Those of [`Bootstrap::paired_regression`].
pub fn compare_with_regression_baseline(
    gold: &[f64],
    predicted: &[f64],
    baseline: &RegressionBaseline,
    metric: RegressionMetric,
    bootstrap: &Bootstrap,
) -> Result<BaselineDifference<RegressionMetric, NumberConstant>, MetricsError> {
    let rule = metric.constant();
    let constant = vec![baseline.constant(rule).value; gold.len()];
    Ok(BaselineDifference::new(rule, bootstrap.paired_regression(gold, predicted, &constant, metric)?))
}
