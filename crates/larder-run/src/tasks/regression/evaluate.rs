//! The scores of predicted numbers, always with those of a constant answer.

use larder_diagnose::Diagnosis;
use larder_metrics::{
    BaselineDifference, Bootstrap, Interval, Metric, MetricsError, NumberConstant, RegressionBaseline,
    RegressionMetric, RegressionScores, SplitCoverage, compare_with_regression_baseline, score_regression,
};
use larder_store::{TextAnswers, TextTargets};
use larder_train::NumberHead;
use serde::{Deserialize, Serialize};

use crate::evaluation::PairedAnswers;
use crate::heads::TargetSummary;
use crate::tasks::AnsweredRows;
use crate::tasks::texts::{AnsweredSplit, TextScores, TextSplit};
use crate::{RunError, RunRecord};

/// Scores on one split, always with the baseline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegressionSplit {
    /// The split.
    pub split: String,
    /// Pearson, Spearman, R², MAE, RMSE.
    pub scores: RegressionScores,
    /// 95 % bootstrap interval of each metric.
    pub intervals: Vec<(RegressionMetric, Interval)>,
    /// The scores of always answering the mean, or the median, of train.
    pub baseline: RegressionBaseline,
    /// The comparison with it, by RMSE.
    pub against_mean: BaselineDifference<RegressionMetric, NumberConstant>,
    /// The right answers.
    pub targets: TargetSummary,
    /// The answers given.
    pub answers: TargetSummary,
    /// Rows of the split's file that could not be used; no score counts them.
    pub skipped_rows: u64,
    /// BLAKE3 of the split's file, 64 hexadecimal digits.
    pub data_digest: String,
    /// Coverage of sets, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<SplitCoverage>,
    /// Findings, with evidence and the flag to turn.
    pub advice: Vec<Diagnosis>,
}

/// The scores of a run that answers numbers.
pub type RegressionEvaluation = TextScores<RegressionSplit>;

/// Gold and answers of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberRows {
    /// `[rows]`
    pub gold: Vec<f64>,
    /// `[rows]`
    pub answers: Vec<f64>,
}

impl PairedAnswers for (&NumberRows, &NumberRows) {
    fn difference(&self, _: Metric, bootstrap: &Bootstrap) -> Result<(f64, Interval), MetricsError> {
        let (first, second) = self;
        let metric = RegressionMetric::default();
        let found = bootstrap.paired_regression(&first.gold, &first.answers, &second.answers, metric)?;
        Ok((found.difference, found.interval))
    }
}

/// Answers a split and, if it has targets, scores the answers.
pub(super) fn score_split(
    record: &RunRecord,
    head: &dyn NumberHead,
    split: &TextSplit<'_>,
) -> Result<AnsweredSplit<RegressionSplit>, RunError> {
    let answers = head.numbers(split.columns)?;
    let Some(TextTargets::Number(targets)) = split.targets else {
        return Ok(AnsweredSplit { answers: TextAnswers::Number(answers), scored: None });
    };
    let no_target = |row| RunError::NoLabel { features: split.features.to_path_buf(), row };
    let gold: Vec<f64> = targets
        .iter()
        .enumerate()
        .map(|(row, target)| target.ok_or_else(|| no_target(row)))
        .collect::<Result<_, _>>()?;
    let train = record.head.details().targets().ok_or_else(|| RunError::BrokenRun { run: record.run.clone() })?;
    let constant = |value: f64| -> Result<_, RunError> { Ok(score_regression(&gold, &vec![value; gold.len()])?) };
    let baseline = RegressionBaseline {
        mean: larder_metrics::ConstantNumber { value: train.mean, scores: constant(train.mean)? },
        median: larder_metrics::ConstantNumber { value: train.median, scores: constant(train.median)? },
    };
    let coverage = split.sets.map(|sets| sets.measure_numbers(&gold, &answers));
    let bootstrap = Bootstrap::default();
    let intervals = RegressionMetric::ALL
        .iter()
        .map(|&metric| Ok((metric, bootstrap.regression_interval(&gold, &answers, metric)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
    let scores = RegressionSplit {
        split: split.source.split.clone(),
        scores: score_regression(&gold, &answers)?,
        intervals,
        against_mean: compare_with_regression_baseline(&gold, &answers, &baseline, RegressionMetric::Rmse, &bootstrap)?,
        baseline,
        targets: TargetSummary::of(&gold),
        answers: TargetSummary::of(&answers),
        skipped_rows: split.source.skipped_rows,
        data_digest: split.source.data_digest.clone(),
        coverage,
        advice: Vec::new(),
    };
    let rows = NumberRows { gold, answers: answers.clone() };
    Ok(AnsweredSplit { answers: TextAnswers::Number(answers), scored: Some((scores, AnsweredRows::Regression(rows))) })
}
