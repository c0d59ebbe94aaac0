//! The scores of a classifier, always with the majority baseline.

use std::path::Path;

use larder_diagnose::Diagnosis;
use larder_metrics::{
    BaselineComparison, Bootstrap, ClassificationScores, ConfusionMatrix, Interval, MajorityBaseline, Metric,
    MetricsError, PairedConfusion, class_counts, class_prior_entropy, compare_with_majority, log_loss,
    majority_baseline,
};
use larder_store::{FeaturesFile, SplitPredictions, write_predictions};
use larder_train::{FeatureColumn, SequenceHead};
use serde::{Deserialize, Serialize};

use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, SplitSource, StageTimer, UnscoredSplit};
use crate::features::load_columns;
use crate::tasks::AnsweredRows;
use crate::{RunError, RunRecord};

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SequenceEvaluation {
    /// The run.
    pub run: String,
    /// Labels in the order of the confusion matrix.
    pub labels: Vec<String>,
    /// Display names of the labels.
    pub display: Vec<String>,
    /// One entry a split.
    pub splits: Vec<SequenceSplit>,
    /// Splits without labels.
    #[serde(default)]
    pub unscored: Vec<UnscoredSplit>,
}

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

/// Scores the head on features files of splits and writes its answers into `folder`.
pub(super) fn evaluate(
    context: &EvaluationContext<'_>,
    head: &dyn SequenceHead,
    timer: &mut StageTimer,
    mut kept: Option<&mut Vec<SplitAnswers>>,
) -> Result<SequenceEvaluation, RunError> {
    let EvaluationContext { record, features, sources, keep, folder, provenance } = *context;
    let (mut splits, mut unscored) = (Vec::new(), Vec::new());
    let mut answers = Vec::new();
    for ((split, features), source) in features.iter().zip(sources) {
        timer.start();
        let (scores, predictions) = score_split(record, head, source, features)?;
        let rows = predictions.answers.len();
        let Some((scores, gold)) = scores else {
            unscored.push(UnscoredSplit {
                split: split.clone(),
                rows: rows as u64,
                skipped_rows: source.skipped_rows,
                data_digest: source.data_digest.clone(),
            });
            answers.push(predictions);
            timer.stop(split, rows);
            continue;
        };
        if let Some(kept) = &mut kept {
            let (answers, classes) = (predictions.answers.clone(), scores.confusion.len());
            kept.push(SplitAnswers {
                split: split.clone(),
                data_digest: source.data_digest.clone(),
                example_ids: predictions.example_ids.clone(),
                rows: AnsweredRows::Sequence(LabelledRows { gold, answers, classes }),
            });
        }
        timer.stop(split, rows);
        splits.push(scores);
        answers.push(predictions);
    }
    write_predictions(&folder.join("predictions.parquet"), &record.labels, &answers, keep, provenance)?;
    Ok(SequenceEvaluation {
        run: record.run.clone(),
        labels: record.labels.clone(),
        display: record.display.clone(),
        splits,
        unscored,
    })
}

/// Returns the answers to a split and, if it has labels, its scores and gold classes `[rows]`.
#[allow(clippy::type_complexity, reason = "two results that come or go together")]
fn score_split(
    record: &RunRecord,
    head: &dyn SequenceHead,
    source: &SplitSource,
    features: &Path,
) -> Result<(Option<(SequenceSplit, Vec<usize>)>, SplitPredictions), RunError> {
    let file = FeaturesFile::open(features)?;
    let labels = file.labels()?;
    let names: Vec<String> = head.columns().iter().map(|c| c.name.clone()).collect();
    let columns = load_columns(&file, &names)?;
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let probabilities = head.probabilities(&columns)?;
    let answers = head.answers(&probabilities);

    let flat: Vec<f64> = probabilities.iter().copied().collect();
    let predictions = SplitPredictions {
        split: source.split.clone(),
        example_ids: file.example_ids()?,
        labels: labels.clone(),
        answers: answers.clone(),
        probabilities: flat.iter().map(|&p| p as f32).collect(),
    };
    if labels.iter().all(Option::is_none) {
        return Ok((None, predictions));
    }
    let (gold, unseen_labels) = gold_and_unseen(&file, &record.labels)?;
    let known = record.labels.len();
    let classes = known + unseen_labels.len();
    let matrix = ConfusionMatrix::from_classes(&gold, &answers, classes)?;
    let bootstrap = Bootstrap::default();
    let majority = record.majority_class();
    let intervals = Metric::ALL
        .iter()
        .map(|&metric| Ok((metric, bootstrap.interval(&matrix, metric)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
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
        advice: Vec::new(),
    };
    Ok((Some((evaluation, gold)), predictions))
}

/// Returns the gold classes `[rows]`, and the labels that the run does not know, in the order of their first row.
fn gold_and_unseen(file: &FeaturesFile, labels: &[String]) -> Result<(Vec<usize>, Vec<String>), RunError> {
    let mut unseen: Vec<String> = Vec::new();
    let mut class = |(row, label): (usize, Option<String>)| {
        let label = label.ok_or_else(|| RunError::NoLabel { features: file.path().to_path_buf(), row })?;
        Ok(match labels.iter().chain(&unseen).position(|known| *known == label) {
            Some(class) => class,
            None => {
                unseen.push(label);
                labels.len() + unseen.len() - 1
            }
        })
    };
    let gold = file.labels()?.into_iter().enumerate().map(&mut class).collect::<Result<Vec<_>, RunError>>()?;
    Ok((gold, unseen))
}
