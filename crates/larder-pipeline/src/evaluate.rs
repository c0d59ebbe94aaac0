//! A run's scores on the splits of its dataset: written to `metrics.json`, its answers to `predictions.parquet`.

use std::path::Path;
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_encode::EncodeSettings;
use larder_metrics::{
    BaselineComparison, Bootstrap, ClassificationScores, ConfusionMatrix, Interval, MajorityBaseline, Metric,
    class_counts, class_prior_entropy, compare_with_majority, log_loss, majority_baseline,
};
use larder_runtime::Device;
use larder_store::{FeaturesFile, Provenance, SplitPredictions, write_json, write_predictions};
use larder_train::{Advice, FeatureColumn, Judged, LogisticHead, Tried, advise_on_scores, advise_on_training};
use serde::Serialize;

use crate::encode::{EncodeOptions, encode_split};
use crate::tokenize::TokenizeOptions;
use crate::train::{gold, load_columns};
use crate::{Larder, Observer, PipelineError, RunRecord, Stage, StageTime};

/// Scores on one split, always with the baseline beside them.
#[derive(Debug, Clone, Serialize)]
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
    pub advice: Vec<Advice>,
}

/// A run's scores.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// The run.
    pub run: String,
    /// Labels in the order of the confusion matrix.
    pub labels: Vec<String>,
    /// The same for people.
    pub display: Vec<String>,
    /// One entry a split.
    pub splits: Vec<SplitEvaluation>,
    /// Seconds a stage in this invocation.
    #[serde(skip)]
    pub times: Vec<StageTime>,
}

/// Scores a run on `splits` of its dataset, or on every split but the one it was trained on; features that are missing
/// are made with the settings the run recorded.
///
/// # Errors
/// [`PipelineError`]; a label that the run does not know is named with its row.
pub fn evaluate(
    larder: &Larder,
    record: &RunRecord,
    splits: &[String],
    device: Device,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Evaluation, PipelineError> {
    let spec = DatasetSpec::load(&record.dataset_path)?;
    let encoder = record.encoder(larder)?;
    let folder = record.folder(larder)?;
    let head = record.head(larder)?;
    let options = record.encode_options(device, threads);
    let asked: Vec<String> = if splits.is_empty() {
        spec.split_names().filter(|s| *s != record.train_split).map(str::to_owned).collect()
    } else {
        splits.to_vec()
    };
    let mut evaluation = Evaluation {
        run: record.run.clone(),
        labels: record.labels.clone(),
        display: record.display.clone(),
        splits: Vec::new(),
        times: Vec::new(),
    };
    let mut answers = Vec::new();
    for split in &asked {
        let (features, times) = encode_split(larder, &spec, &encoder, split, &options, observer)?;
        evaluation.times.extend(times);
        let started = Instant::now();
        let (scores, predictions) = score_split(record, &head, split, &features)?;
        evaluation.times.push(StageTime {
            stage: Stage::Eval,
            split: split.clone(),
            seconds: started.elapsed().as_secs_f64(),
            rows: predictions.answers.len() as u64,
            fresh: false,
            device: None,
        });
        evaluation.splits.push(scores);
        answers.push(predictions);
    }
    let provenance = Provenance::new("eval", 1).with("run", &record.run).with("run.digest", record.provenance.digest());
    write_predictions(&folder.join("predictions.parquet"), &record.labels, &answers, &provenance)?;
    write_json(&folder.join("metrics.json"), &evaluation)?;
    Ok(evaluation)
}

fn score_split(
    record: &RunRecord,
    head: &LogisticHead,
    split: &str,
    features: &Path,
) -> Result<(SplitEvaluation, SplitPredictions), PipelineError> {
    let file = FeaturesFile::open(features)?;
    let gold = gold(&file, &record.labels)?;
    let names: Vec<String> = head.columns.iter().map(|c| c.name.clone()).collect();
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
    let judged = Judged {
        split,
        classes: &record.display,
        scores: &evaluation.scores,
        baseline: &evaluation.majority,
        comparison: &evaluation.against_majority,
    };
    let advice = record.with_tried(|tried| advise_on_scores(&judged, tried));
    let evaluation = SplitEvaluation { advice, ..evaluation };
    let predictions = SplitPredictions {
        split: split.to_owned(),
        example_ids: file.example_ids()?,
        labels: file.labels()?,
        answers,
        probabilities: flat.iter().map(|&p| p as f32).collect(),
    };
    Ok((evaluation, predictions))
}

impl RunRecord {
    /// The class that most training rows have.
    pub(crate) fn majority_class(&self) -> usize {
        let most = self.train_counts.iter().copied().max().unwrap_or(0);
        self.train_counts.iter().position(|&count| count == most).unwrap_or(0)
    }

    /// How this run's features are made.
    pub(crate) fn encode_options(&self, device: Device, threads: usize) -> EncodeOptions {
        let settings = EncodeSettings {
            layers: self.settings.layers.clone(),
            pools: self.settings.pools.clone(),
            dtype: self.settings.dtype,
            device,
            threads,
            batch_tokens: None,
        };
        let tokenize = TokenizeOptions {
            max_tokens: Some(self.settings.max_tokens),
            on_bad_row: self.settings.on_bad_row,
            force: false,
        };
        EncodeOptions { tokenize, settings, force: false }
    }

    /// What stands out about the training itself.
    pub fn training_advice(&self) -> Vec<Advice> {
        self.with_tried(|tried| advise_on_training(&self.convergence, tried))
    }

    fn with_tried<T>(&self, use_it: impl FnOnce(&Tried<'_>) -> T) -> T {
        use_it(&Tried {
            columns: &self.columns_tried,
            settings: &self.settings.train,
            selection: self.selection.as_ref(),
        })
    }
}
