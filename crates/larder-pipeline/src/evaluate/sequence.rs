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

use super::{AnsweredRows, Clock, Judging, SplitAnswers};
use crate::train::{gold, load_columns};
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
    /// Gold by predicted, `[classes, classes]`.
    pub confusion: Vec<Vec<u64>>,
    /// Mean log loss of the probabilities, in nats.
    pub log_loss: f64,
    /// Entropy of the split's class shares, in nats: the log loss of knowing nothing but them.
    pub prior_entropy: f64,
    /// What stands out, with its evidence and the flag to turn.
    pub advice: Vec<Diagnosis>,
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
}

/// Scores the head on features files of splits and writes its answers into `folder`.
pub(super) fn evaluate(
    judging: &Judging<'_>,
    head: &dyn SequenceHead,
    clock: &mut Clock,
    mut kept: Option<&mut Vec<SplitAnswers>>,
) -> Result<SequenceEvaluation, PipelineError> {
    let Judging { record, files, folder, provenance } = *judging;
    let mut splits = Vec::new();
    let mut answers = Vec::new();
    for (split, features) in files {
        clock.start();
        let (scores, predictions, gold) = score_split(record, head, split, features)?;
        if let Some(kept) = &mut kept {
            let (answers, classes) = (predictions.answers.clone(), record.labels.len());
            kept.push(SplitAnswers {
                split: split.clone(),
                example_ids: predictions.example_ids.clone(),
                rows: AnsweredRows::Sequence { gold, answers, classes },
            });
        }
        clock.stop(split, predictions.answers.len());
        splits.push(scores);
        answers.push(predictions);
    }
    write_predictions(&folder.join("predictions.parquet"), &record.labels, &answers, provenance)?;
    Ok(SequenceEvaluation {
        run: record.run.clone(),
        labels: record.labels.clone(),
        display: record.display.clone(),
        splits,
    })
}

fn score_split(
    record: &RunRecord,
    head: &dyn SequenceHead,
    split: &str,
    features: &Path,
) -> Result<(SplitEvaluation, SplitPredictions, Vec<usize>), PipelineError> {
    let file = FeaturesFile::open(features)?;
    let gold = gold(&file, &record.labels)?;
    let names: Vec<String> = head.columns().iter().map(|c| c.name.clone()).collect();
    let columns = load_columns(&file, &names)?;
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let probabilities = head.probabilities(&columns)?;
    let answers = head.answers(&probabilities);

    let classes = record.labels.len();
    let matrix = ConfusionMatrix::from_classes(&gold, &answers, classes)?;
    let bootstrap = Bootstrap::default();
    let majority = record.majority_class();
    let intervals = Metric::ALL
        .iter()
        .map(|&metric| Ok((metric, bootstrap.interval(&matrix, metric)?)))
        .collect::<Result<Vec<_>, PipelineError>>()?;
    let flat: Vec<f64> = probabilities.iter().copied().collect();
    let evaluation = SplitEvaluation {
        split: split.to_owned(),
        scores: ClassificationScores::from(&matrix),
        intervals,
        majority: majority_baseline(majority, &gold, classes)?,
        against_majority: compare_with_majority(&gold, &answers, majority, classes, &bootstrap)?,
        confusion: (0..classes).map(|g| (0..classes).map(|p| matrix.count(g, p)).collect()).collect(),
        log_loss: log_loss(&flat, &gold, classes)?,
        prior_entropy: class_prior_entropy(&class_counts(&gold, classes)?),
        advice: Vec::new(),
    };
    let predictions = SplitPredictions {
        split: split.to_owned(),
        example_ids: file.example_ids()?,
        labels: file.labels()?,
        answers,
        probabilities: flat.iter().map(|&p| p as f32).collect(),
    };
    Ok((evaluation, predictions, gold))
}

impl RunRecord {
    /// The class that most training rows have.
    pub(crate) fn majority_class(&self) -> usize {
        let most = self.train_counts.iter().copied().max().unwrap_or(0);
        self.train_counts.iter().position(|&count| count == most).unwrap_or(0)
    }
}
