//! The scores of a classifier, always with the majority baseline.

use larder_diagnose::Diagnosis;
use larder_metrics::{
    BaselineComparison, Bootstrap, ClassificationScores, ConfusionMatrix, Interval, MajorityBaseline, Metric,
    MetricsError, PairedConfusion, SplitCoverage, class_counts, class_prior_entropy, compare_with_majority, log_loss,
    majority_baseline,
};
use larder_store::{TextAnswers, TextTargets};
use larder_train::SequenceHead;
use serde::{Deserialize, Serialize};

use crate::evaluation::PairedAnswers;
use crate::tasks::AnsweredRows;
use crate::tasks::texts::{AnsweredSplit, TextScores, TextSplit};
use crate::{RunError, RunRecord, gold_and_unseen};

/// Scores on one split, always with the baseline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SequenceSplit {
    /// The split.
    pub split: String,
    /// Accuracy, MCC, macro F1, per-class scores.
    pub scores: ClassificationScores,
    /// 95 % bootstrap interval of each metric.
    pub intervals: Vec<(Metric, Interval)>,
    /// The baseline: the majority class of train for every row.
    pub majority: MajorityBaseline,
    /// The comparison with it.
    pub against_majority: BaselineComparison,
    /// Confusion counts, gold by predicted, `[classes, classes]`; unseen labels follow the run's own.
    pub confusion: Vec<Vec<u64>>,
    /// Mean log loss of the probabilities, in nats.
    pub log_loss: f64,
    /// Entropy of the split's class shares, in nats: the log loss of a constant answer.
    pub prior_entropy: f64,
    /// Labels of the split that training never saw: classes after the run's own, never answered.
    #[serde(default)]
    pub unseen_labels: Vec<String>,
    /// Rows of the split's file that could not be used; no score counts them.
    #[serde(default)]
    pub skipped_rows: u64,
    /// BLAKE3 of the split's file, 64 hexadecimal digits; empty in files of earlier versions.
    #[serde(default)]
    pub data_digest: String,
    /// Coverage of sets, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<SplitCoverage>,
    /// Findings, with evidence and the flag to turn.
    pub advice: Vec<Diagnosis>,
}

impl SequenceSplit {
    /// Returns the display names of its classes, in the order of the confusion matrix: `display` of the run, then labels that
    /// training never saw.
    pub fn class_names(&self, display: &[String]) -> Vec<String> {
        display.iter().chain(&self.unseen_labels).cloned().collect()
    }
}

/// A classifier's scores.
pub type SequenceEvaluation = TextScores<SequenceSplit>;

/// Gold and answers of a split, as class indices.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledRows {
    /// `[rows]`
    pub gold: Vec<usize>,
    /// `[rows]`
    pub answers: Vec<usize>,
    /// Classes.
    pub classes: usize,
}

impl LabelledRows {
    /// Pairs these answers with others to the same rows; `None` if their gold labels differ.
    pub(super) fn paired(&self, others: &Self) -> Result<Option<PairedConfusion>, MetricsError> {
        let Self { gold, answers, classes } = self;
        match *gold == others.gold {
            true => PairedConfusion::from_classes(gold, answers, &others.answers, *classes).map(Some),
            false => Ok(None),
        }
    }
}

impl PairedAnswers for PairedConfusion {
    fn difference(&self, metric: Metric, bootstrap: &Bootstrap) -> Result<(f64, Interval), MetricsError> {
        bootstrap.paired_difference(self, metric).map(|found| (found.difference, found.interval))
    }
}

/// Answers a split and, if it has labels, scores the answers.
pub(super) fn score_split(
    record: &RunRecord,
    head: &dyn SequenceHead,
    split: &TextSplit<'_>,
) -> Result<AnsweredSplit<SequenceSplit>, RunError> {
    let probabilities = head.probabilities(split.columns)?;
    let answers = head.answers(&probabilities);
    let flat: Vec<f64> = probabilities.iter().copied().collect();
    let given = |answers| TextAnswers::Label { answers, probabilities: flat.iter().map(|&p| p as f32).collect() };
    let Some(TextTargets::Label(labels)) = split.targets else {
        return Ok(AnsweredSplit { answers: given(answers), scored: None });
    };
    let source = split.source;
    let (gold, unseen_labels) = gold_and_unseen(split.features, labels, &record.labels)?;
    let known = record.labels.len();
    let classes = known + unseen_labels.len();
    let matrix = ConfusionMatrix::from_classes(&gold, &answers, classes)?;
    let bootstrap = Bootstrap::default();
    let majority = record.majority_class();
    let intervals = Metric::ALL
        .iter()
        .map(|&metric| Ok((metric, bootstrap.interval(&matrix, metric)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
    let truth = gold.iter().map(|&class| vec![class]);
    let coverage = split.sets.map(|sets| sets.measure_labels(flat.chunks_exact(known), truth));
    // Unseen classes have probability 0.
    let flat: Vec<f64> = flat
        .chunks_exact(known)
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, classes - known)))
        .collect();
    let evaluation = SequenceSplit {
        split: source.split.clone(),
        scores: ClassificationScores::from(&matrix),
        intervals,
        majority: majority_baseline(majority, &gold, classes)?,
        against_majority: compare_with_majority(&gold, &answers, majority, classes, &bootstrap)?,
        confusion: (0..classes).map(|g| (0..classes).map(|p| matrix.count(g, p)).collect()).collect(),
        log_loss: log_loss(&flat, &gold, classes)?,
        prior_entropy: class_prior_entropy(&class_counts(&gold, classes)?),
        unseen_labels,
        skipped_rows: source.skipped_rows,
        data_digest: source.data_digest.clone(),
        coverage,
        advice: Vec::new(),
    };
    let rows = LabelledRows { gold, answers: answers.clone(), classes };
    Ok(AnsweredSplit { answers: given(answers), scored: Some((evaluation, AnsweredRows::Sequence(rows))) })
}
