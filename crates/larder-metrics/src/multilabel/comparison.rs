//! The verdict on a predictor of label sets beside the constant sets.

use crate::baseline_difference::BaselineDifference;
use crate::bootstrap::Bootstrap;
use crate::error::MetricsError;
use crate::multilabel::{LabelConstant, LabelSets, MultilabelAnswers, MultilabelBaseline, MultilabelMetric};

/// Compares `metric` of `answers` with that of the better constant set of `baseline`, on the rows of `gold`
/// (`[rows, labels]`). Paired: the same resampled rows judge both. The better one on this split is the harder to beat,
/// so a verdict of "above" holds against both.
///
/// # Errors
/// [`MetricsError::LabelCount`], [`MetricsError::LengthMismatch`]; those of [`Bootstrap::multilabel_interval`], and of
/// [`LabelSets::from_indices`] for a baseline that was not made by
/// [`multilabel_baseline`](crate::multilabel_baseline).
pub fn compare_with_multilabel_baseline(
    gold: &LabelSets,
    answers: &MultilabelAnswers,
    baseline: &MultilabelBaseline,
    metric: MultilabelMetric,
    bootstrap: &Bootstrap,
) -> Result<BaselineDifference<MultilabelMetric, LabelConstant>, MetricsError> {
    let rule = baseline.better_by(metric);
    let constant = baseline.answers(rule, gold.rows())?;
    Ok(BaselineDifference::new(rule, bootstrap.paired_multilabel(gold, answers, &constant, metric)?))
}
