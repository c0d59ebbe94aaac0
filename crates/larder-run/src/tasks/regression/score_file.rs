//! Scores of anybody's gold and predicted numbers.

use std::path::PathBuf;

use larder_metrics::{
    BaselineDifference, Bootstrap, Interval, NumberConstant, RegressionBaseline, RegressionMetric, RegressionScores,
    compare_with_regression_baseline, regression_baseline, score_regression,
};
use serde::Serialize;

use super::scores::NumberTables;
use crate::heads::TargetSummary;
use crate::tasks::scored_file::{FileScores, OWN_BASELINE, ScoredFile, ScoredRole, json};
use crate::{RunError, TextBlock};

/// A file's scores.
#[derive(Debug, Serialize)]
pub(super) struct NumberFile {
    path: PathBuf,
    predictions: Option<PathBuf>,
    #[serde(skip)]
    name: String,
    scores: RegressionScores,
    intervals: Vec<(RegressionMetric, Interval)>,
    /// The mean and the median of gold itself.
    baseline: RegressionBaseline,
    against_mean: BaselineDifference<RegressionMetric, NumberConstant>,
    targets: TargetSummary,
    answers: TargetSummary,
}

impl FileScores for NumberFile {
    fn blocks(&self) -> Vec<TextBlock> {
        let tables = NumberTables {
            name: &self.name,
            scores: &self.scores,
            intervals: &self.intervals,
            baseline: &self.baseline,
            baseline_of: "gold",
            against_mean: &self.against_mean,
            targets: &self.targets,
            answers: &self.answers,
        };
        let mut blocks = tables.blocks();
        blocks.push(TextBlock::Lines(OWN_BASELINE.to_owned()));
        blocks
    }

    fn json(&self) -> serde_json::Result<String> {
        json(self)
    }
}

/// Scores the files.
///
/// # Errors
/// [`RunError::Data`] and [`RunError::ScoredColumns`] with file and row.
pub(super) fn score_file(file: &ScoredFile) -> Result<NumberFile, RunError> {
    let rows = file.rows("target")?;
    let (one_gold, one_predicted) = (rows.gold_columns.join(","), rows.predicted_columns.join(","));
    let gold = rows.gold.numbers(&one_gold).map_err(ScoredRole::Gold.error())?;
    let predicted = rows.predictions.numbers(&one_predicted).map_err(ScoredRole::Predicted.error())?;
    rows.check_counts(gold.len(), predicted.len())?;
    let baseline = regression_baseline(&gold, &gold)?;
    let bootstrap = Bootstrap::default();
    let intervals = RegressionMetric::ALL
        .iter()
        .map(|&metric| Ok((metric, bootstrap.regression_interval(&gold, &predicted, metric)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
    let metric = RegressionMetric::Rmse;
    Ok(NumberFile {
        path: file.path.clone(),
        predictions: file.predictions.clone(),
        name: file.name(),
        scores: score_regression(&gold, &predicted)?,
        intervals,
        against_mean: compare_with_regression_baseline(&gold, &predicted, &baseline, metric, &bootstrap)?,
        baseline,
        targets: TargetSummary::of(&gold),
        answers: TargetSummary::of(&predicted),
    })
}
