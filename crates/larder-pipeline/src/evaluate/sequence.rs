//! The scores of a classifier, always beside the majority baseline.

use std::path::Path;

use larder_diagnose::Diagnosis;
use larder_metrics::{
    BaselineComparison, Bootstrap, ClassificationScores, ConfusionMatrix, Interval, MajorityBaseline, Metric,
    class_counts, class_prior_entropy, compare_with_majority, log_loss, majority_baseline,
};
use larder_store::{FeaturesFile, SplitPredictions, write_predictions};
use larder_train::{FeatureColumn, SequenceHead};
use serde::{Deserialize, Serialize};

use super::{AnsweredRows, Clock, Judging, SplitAnswers, SplitSource, UnscoredSplit};
use crate::train::load_columns;
use crate::{PipelineError, RunRecord};

/// Scores on one split, always with the baseline beside them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitEvaluation {
    /// The split.
    pub split: String,
    /// Accuracy, MCC, macro F1, per-class scores.
    pub scores: ClassificationScores,
    /// 95 % bootstrap interval of each metric.
    pub intervals: Vec<(Metric, Interval)>,
    /// Always answering the majority class of train.
    pub majority: MajorityBaseline,
    /// Whether the run beats it.
    pub against_majority: BaselineComparison,
    /// Gold by predicted, `[classes, classes]`, with the unseen labels behind the run's own.
    pub confusion: Vec<Vec<u64>>,
    /// Mean log loss of the probabilities, in nats.
    pub log_loss: f64,
    /// Entropy of the split's class shares, in nats: the log loss of knowing nothing but them.
    pub prior_entropy: f64,
    /// Labels of the split that training never saw. They are classes behind the run's own, which no answer can be right about.
    #[serde(default)]
    pub unseen_labels: Vec<String>,
    /// Rows of the split's file that could not be used and were left out: no score is about them.
    #[serde(default)]
    pub skipped_rows: u64,
    /// BLAKE3 of the split's file, 64 hexadecimal digits; empty in files of earlier versions.
    #[serde(default)]
    pub data_digest: String,
    /// What stands out, with its evidence and the flag to turn.
    pub advice: Vec<Diagnosis>,
}

impl SplitEvaluation {
    /// The names of its classes for people, in the order of the confusion matrix: `display`, the run's, and behind them
    /// the labels that training never saw.
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
    /// The same for people.
    pub display: Vec<String>,
    /// One entry a split.
    pub splits: Vec<SplitEvaluation>,
    /// Splits without labels.
    #[serde(default)]
    pub unscored: Vec<UnscoredSplit>,
}

/// Scores the head on features files of splits and writes its answers into `folder`.
pub(super) fn evaluate(
    judging: &Judging<'_>,
    head: &dyn SequenceHead,
    clock: &mut Clock,
    mut kept: Option<&mut Vec<SplitAnswers>>,
) -> Result<SequenceEvaluation, PipelineError> {
    let Judging { record, files, sources, keep, folder, provenance } = *judging;
    let (mut splits, mut unscored) = (Vec::new(), Vec::new());
    let mut answers = Vec::new();
    for ((split, features), source) in files.iter().zip(sources) {
        clock.start();
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
            clock.stop(split, rows);
            continue;
        };
        if let Some(kept) = &mut kept {
            let (answers, classes) = (predictions.answers.clone(), scores.confusion.len());
            kept.push(SplitAnswers {
                split: split.clone(),
                data_digest: source.data_digest.clone(),
                example_ids: predictions.example_ids.clone(),
                rows: AnsweredRows::Sequence { gold, answers, classes },
            });
        }
        clock.stop(split, rows);
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

/// The answers to a split and, where it has labels, its scores and its gold classes `[rows]`.
#[allow(clippy::type_complexity, reason = "two results that come or go together")]
fn score_split(
    record: &RunRecord,
    head: &dyn SequenceHead,
    source: &SplitSource,
    features: &Path,
) -> Result<(Option<(SplitEvaluation, Vec<usize>)>, SplitPredictions), PipelineError> {
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
        .collect::<Result<Vec<_>, PipelineError>>()?;
    // No probability is given to what was never seen.
    let flat: Vec<f64> = flat
        .chunks_exact(known)
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, classes - known)))
        .collect();
    let evaluation = SplitEvaluation {
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

/// Gold classes, `[rows]`, and the labels behind those of the run that they count, in the order of their first row.
fn gold_and_unseen(file: &FeaturesFile, labels: &[String]) -> Result<(Vec<usize>, Vec<String>), PipelineError> {
    let mut unseen: Vec<String> = Vec::new();
    let mut class = |(row, label): (usize, Option<String>)| {
        let label = label.ok_or_else(|| PipelineError::NoLabel { features: file.path().to_path_buf(), row })?;
        Ok(match labels.iter().chain(&unseen).position(|known| *known == label) {
            Some(class) => class,
            None => {
                unseen.push(label);
                labels.len() + unseen.len() - 1
            }
        })
    };
    let gold = file.labels()?.into_iter().enumerate().map(&mut class).collect::<Result<Vec<_>, PipelineError>>()?;
    Ok((gold, unseen))
}

impl RunRecord {
    /// The class that most training rows have.
    pub(crate) fn majority_class(&self) -> usize {
        let most = self.train_counts.iter().copied().max().unwrap_or(0);
        self.train_counts.iter().position(|&count| count == most).unwrap_or(0)
    }
}
