//! Heads: settings, fits, records and findings. A head is one file here, and one line in each of [`Head`], [`HeadSettings`] and
//! [`HeadRecord`].

mod graph;
mod logistic;
mod mlp;
mod multilabel;
mod ridge;
mod selection;
mod similarity;
mod tagger;
mod tuned;

use std::path::Path;

use larder_data::{DatasetSpec, LabelMap, TargetRange, Task};
use larder_diagnose::{Diagnosis, Method, RunDiagnosis, Weighing};
use larder_encode::EncodeSettings;
use larder_files::Provenance;
use larder_intake::Encoder;
use larder_metrics::{Calibration, Metric, TrainLabels};
use larder_store::FeaturesFile;
use larder_train::{HALF, MlpOutput, MlpSettings, TargetScale, TrainError, train_similarity};
use larder_train::{
    HeadColumn, LabelSetHead, LogisticHead, MlpHead, MultilabelHead, MultilabelSettings, NumberHead, RidgeHead,
    RidgeSettings, SequenceHead, SimilarityHead, SimilarityKind, SimilaritySettings, TaggingHead, TaggingSettings,
    TrainSettings, TrainingRows,
};
use serde::{Deserialize, Serialize};

use crate::findings::FitFacts;
use crate::page::{Fact, Training};
use crate::{Larder, Observer, RunError, RunRecord, TextTable, tasks};

pub(crate) use graph::{LOGITS, PREDICTION, PROBABILITIES};
pub use larder_diagnose::TargetSummary;
pub use logistic::LogisticRecord;
pub use mlp::MlpRecord;
pub use multilabel::MultilabelRecord;
pub use ridge::RidgeRecord;
pub use similarity::SimilarityRecord;
pub use tagger::TaggerRecord;
pub(crate) use tagger::{FIRST_LOGITS, LAST_LOGITS, NEVER};
pub use tuned::TunedRecord;

/// A run's head.
#[derive(Debug, Clone)]
pub enum Head {
    /// Logistic regression over texts.
    Logistic(LogisticHead),
    /// A perceptron over texts.
    Mlp(MlpHead),
    /// Logistic regression over texts, one for each label.
    Multilabel(MultilabelHead),
    /// Ridge regression over texts: a number.
    Ridge(RidgeHead),
    /// Cosines between texts and prototypes or training rows.
    Similarity(SimilarityHead),
    /// A tagger of words: logistic regression or a conditional random field.
    Tagger(TaggingHead),
}

/// A kind of head with its settings.
#[derive(Debug, Clone)]
pub enum HeadSettings {
    /// Logistic regression over texts.
    Logistic(TrainSettings),
    /// A perceptron over texts.
    Mlp(MlpSettings),
    /// Logistic regression over texts, one for each label.
    Multilabel(MultilabelSettings),
    /// Ridge regression over texts.
    Ridge(RidgeSettings),
    /// Cosines between texts and prototypes or training rows.
    Similarity(SimilaritySettings),
    /// A tagger of words.
    Tagger(TaggingSettings),
}

/// The record of a trained head: how it was chosen, and how well the fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum HeadRecord {
    /// Logistic regression over texts.
    #[serde(rename = "sequence")]
    Logistic(LogisticRecord),
    /// A perceptron over texts.
    #[serde(rename = "mlp")]
    Mlp(Box<MlpRecord>),
    /// Logistic regression over texts, one for each label.
    #[serde(rename = "multilabel")]
    Multilabel(Box<MultilabelRecord>),
    /// Ridge regression over texts.
    #[serde(rename = "ridge")]
    Ridge(RidgeRecord),
    /// Cosines between texts and prototypes or training rows.
    #[serde(rename = "similarity")]
    Similarity(SimilarityRecord),
    /// A tagger of words.
    #[serde(rename = "tagging")]
    Tagger(TaggerRecord),
    /// A head fine-tuned with its encoder; the run stores the tuned encoder.
    #[serde(rename = "tuned")]
    Tuned(TunedRecord),
}

/// Facts that the record of every head has.
#[derive(Debug)]
pub struct HeadOutline<'a> {
    /// The task that it is for.
    pub task: Task,
    /// The kind of head: `logistic`, `mlp`, `crf`, `fine-tuned`.
    pub kind: String,
    /// True if its texts are pairs.
    pub is_pair: bool,
    /// True if the chosen candidate is among those tried.
    pub is_sound: bool,
    /// The metric that chose it, by which splits are compared with its held-out rows; `None` where scores compare them
    /// already.
    pub metric: Option<Metric>,
    /// True if the features of two splits can be compared: those of texts, whose encoder stayed as it was.
    pub compares_features: bool,
    /// The reason why nothing was chosen, in words.
    pub unchosen: Option<&'a str>,
}

/// The record of a head, whatever its kind.
pub trait HeadDetails {
    /// The facts that need nothing else. Of a damaged record too: nothing is looked up in what was chosen.
    fn outline(&self) -> HeadOutline<'_>;

    /// Returns the training targets of a head that answers numbers.
    fn targets(&self) -> Option<&TargetSummary> {
        None
    }

    /// Returns the least and the greatest number that is answered, where there are such.
    fn range(&self) -> (Option<f64>, Option<f64>) {
        (None, None)
    }

    /// Returns why the head has no answers to rows that it had not seen, to make sets with coverage from, and what to do; `None`
    /// where it should have them.
    fn uncalibrated(&self) -> Option<String>;

    /// Returns the labels of train that constant answers of label sets rest on.
    fn train_labels(&self) -> Option<&TrainLabels> {
        None
    }

    /// Returns the weighting of rare classes in the loss.
    fn weighing(&self) -> Weighing;

    /// Returns its score by `metric` on rows that it had not seen, and the name of those rows; `None` on `split` itself, and if
    /// there are none.
    fn held_out(&self, split: &str, metric: Metric) -> Option<(f64, String)>;

    /// Returns the method of training, for advice: choices made with the `columns` offered, or the tuning of the encoder.
    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a>;

    /// Returns the findings about its fit, from `facts`; those about the run are added to `diagnosis`.
    fn findings(&self, record: &RunRecord, facts: &FitFacts, diagnosis: &mut RunDiagnosis) -> Vec<Diagnosis>;

    /// Returns the most important settings, for the report. `head` has those that are not in the record.
    fn facts(&self, record: &RunRecord, head: Option<&Head>) -> Vec<Fact>;

    /// Returns its training, for the report. `folder` is the run's.
    fn training(&self, folder: &Path) -> Training;

    /// Returns a table of the candidates, the chosen one first, and the text below it.
    fn selection(&self) -> Option<(TextTable, String)> {
        None
    }

    /// Returns the fit in a line or two.
    fn summary(&self) -> String;

    /// Returns where the solver ended, in a line, for those who look at solvers.
    fn solver(&self) -> Option<String> {
        None
    }
}

/// The inputs of a fit.
#[derive(Clone, Copy)]
pub struct FitRequest<'a> {
    /// The runtime, for the heads that need it.
    pub larder: &'a Larder,
    /// The dataset.
    pub spec: &'a DatasetSpec,
    /// The encoder, for the heads that read more texts than those of train.
    pub encoder: &'a Encoder,
    /// How it made the features.
    pub encode: &'a EncodeSettings,
    /// The features of the training split.
    pub features: &'a FeaturesFile,
    /// The labels that have training rows.
    pub labels: &'a LabelMap,
    /// The feature columns offered.
    pub columns: &'a [String],
}

/// A fitted head with its record and facts.
pub struct FittedHead {
    /// The head.
    pub head: Head,
    /// Its record.
    pub record: HeadRecord,
    /// Rows (tagging: words) of each class, `[classes]`.
    pub train_counts: Vec<usize>,
    /// Facts that are not in the record.
    pub facts: FitFacts,
    /// Deviations from what was asked, in sentences.
    pub notes: Vec<String>,
    /// Scores of the truth on rows that the answering fit had not seen; `None` where there are none.
    pub calibration: Option<Calibration>,
}

impl HeadSettings {
    /// Returns the default head of a task.
    pub fn of_task(task: Task) -> Self {
        tasks::of(task).default_head()
    }

    /// Returns true if the head is one of a task's.
    pub fn is_for(&self, task: Task) -> bool {
        match self {
            Self::Logistic(_) => task == logistic::TASK,
            Self::Mlp(_) => tasks::of(task).facts().heads.contains(&mlp::KIND),
            Self::Multilabel(_) => task == multilabel::TASK,
            Self::Ridge(_) => task == ridge::TASK,
            Self::Similarity(_) => task == similarity::TASK,
            Self::Tagger(_) => task == tagger::TASK,
        }
    }

    /// `logistic`, `mlp`, `crf`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Logistic(_) => logistic::KIND,
            Self::Mlp(_) => mlp::KIND,
            Self::Multilabel(_) => multilabel::KIND,
            Self::Ridge(_) => ridge::KIND,
            Self::Similarity(settings) => settings.kind.as_str(),
            Self::Tagger(settings) => settings.kind.as_str(),
        }
    }

    /// Returns the same settings with another seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        match &mut self {
            Self::Logistic(settings) => settings.seed = seed,
            Self::Mlp(settings) => settings.seed = seed,
            Self::Multilabel(settings) => settings.seed = seed,
            // Nothing in it is drawn.
            Self::Ridge(_) => {}
            Self::Similarity(settings) => settings.seed = seed,
            Self::Tagger(settings) => settings.seed = seed,
        }
        self
    }

    /// Adds every setting to a run's provenance: a change makes the run stale.
    pub fn describe(&self, provenance: Provenance) -> Provenance {
        match self {
            Self::Logistic(settings) => logistic::describe(settings, provenance),
            Self::Mlp(settings) => mlp::describe(settings, provenance),
            Self::Multilabel(settings) => multilabel::describe(settings, provenance),
            Self::Ridge(settings) => ridge::describe(settings, provenance),
            Self::Similarity(settings) => similarity::describe(settings, provenance),
            Self::Tagger(settings) => tagger::describe(settings, provenance),
        }
    }

    /// Fits the head.
    ///
    /// # Errors
    /// [`RunError::NoLabel`], [`RunError::UnknownLabel`]; [`RunError::Train`] for a fit that fails.
    pub fn fit(&self, request: &FitRequest<'_>, observer: &mut dyn Observer) -> Result<FittedHead, RunError> {
        match self {
            Self::Logistic(settings) => logistic::fit(settings, request, observer),
            Self::Mlp(settings) => mlp::fit(settings, request, observer),
            Self::Multilabel(settings) => multilabel::fit(settings, request, observer),
            Self::Ridge(settings) => ridge::fit(settings, request, observer),
            Self::Similarity(settings) => similarity::fit(settings, request, observer),
            Self::Tagger(settings) => tagger::fit(settings, request, observer),
        }
    }

    /// The heads of one label a text that [`fit_in_memory`](Self::fit_in_memory) fits.
    pub const IN_MEMORY: &[&str] = &["logistic", "prototype", "labels", "knn"];

    /// Returns true if the head compares texts with the names of the labels.
    pub fn reads_names(&self) -> bool {
        matches!(self, Self::Similarity(settings) if settings.kind == SimilarityKind::Labels)
    }

    /// Fits a head of one label a text on rows in memory; `None` for those that are not [`IN_MEMORY`](Self::IN_MEMORY).
    ///
    /// # Errors
    /// [`TrainError`] for a fit that fails.
    pub fn fit_in_memory(&self, rows: &TrainingRows<'_>) -> Result<Option<Box<dyn SequenceHead>>, TrainError> {
        Ok(match self {
            Self::Logistic(settings) => {
                let TrainingRows { columns, labels, classes, .. } = *rows;
                Some(Box::new(larder_train::train(columns, labels, classes, settings, &mut |_| {})?.head))
            }
            Self::Similarity(settings) => Some(Box::new(train_similarity(rows, settings, &mut |_| {})?.head)),
            Self::Mlp(_) | Self::Multilabel(_) | Self::Ridge(_) | Self::Tagger(_) => None,
        })
    }
}

impl HeadRecord {
    /// Returns the record, whatever the kind.
    pub fn details(&self) -> &dyn HeadDetails {
        match self {
            Self::Logistic(record) => record,
            Self::Mlp(record) => record.as_ref(),
            Self::Multilabel(record) => record.as_ref(),
            Self::Ridge(record) => record,
            Self::Similarity(record) => record,
            Self::Tagger(record) => record,
            Self::Tuned(record) => record,
        }
    }

    /// Returns true if the head names the training rows that an answer rests on.
    pub fn has_evidence(&self) -> bool {
        matches!(self, Self::Similarity(record) if record.settings.kind == SimilarityKind::Knn)
    }

    /// Returns the record of a fine-tuned head.
    pub fn tuned(&self) -> Option<&TunedRecord> {
        match self {
            Self::Tuned(tuned) => Some(tuned),
            _ => None,
        }
    }
}

impl Head {
    /// Writes `head.json` and `head.safetensors` into `folder`.
    ///
    /// # Errors
    /// [`RunError::Train`] when the disk refuses.
    pub fn save(&self, folder: &Path) -> Result<(), RunError> {
        match self {
            Self::Logistic(head) => head.save(folder)?,
            Self::Mlp(head) => head.save(folder)?,
            Self::Multilabel(head) => head.save(folder)?,
            Self::Ridge(head) => head.save(folder)?,
            Self::Similarity(head) => head.save(folder)?,
            Self::Tagger(head) => head.save(folder)?,
        }
        Ok(())
    }

    /// Reads the head that `record` describes.
    ///
    /// # Errors
    /// [`RunError::Train`] for files that are missing or damaged.
    pub fn load(folder: &Path, record: &HeadRecord) -> Result<Self, RunError> {
        match record {
            HeadRecord::Logistic(_) => Ok(Self::Logistic(LogisticHead::load(folder)?)),
            HeadRecord::Mlp(_) => Ok(Self::Mlp(MlpHead::load(folder)?)),
            HeadRecord::Multilabel(_) => Ok(Self::Multilabel(MultilabelHead::load(folder)?)),
            HeadRecord::Ridge(_) => Ok(Self::Ridge(RidgeHead::load(folder)?)),
            HeadRecord::Similarity(_) => Ok(Self::Similarity(SimilarityHead::load(folder)?)),
            HeadRecord::Tagger(_) => Ok(Self::Tagger(TaggingHead::load(folder)?)),
            HeadRecord::Tuned(tuned) => tasks::of(tuned.task).load_tuned_head(folder),
        }
    }

    /// `logistic`, `mlp`, `crf`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Logistic(_) => logistic::KIND,
            Self::Mlp(_) => mlp::KIND,
            Self::Multilabel(_) => multilabel::KIND,
            Self::Ridge(_) => ridge::KIND,
            Self::Similarity(head) => head.kind.as_str(),
            Self::Tagger(head) => head.kind.as_str(),
        }
    }

    /// Returns the feature columns it reads, in order.
    pub fn columns(&self) -> &[HeadColumn] {
        match self {
            Self::Logistic(head) => &head.columns,
            Self::Mlp(head) => &head.columns,
            Self::Multilabel(head) => &head.columns,
            Self::Ridge(head) => &head.columns,
            Self::Similarity(head) => &head.columns,
            Self::Tagger(head) => &head.columns,
        }
    }

    /// Gives the answers of a head that was trained on standardised numbers their unit back, and the range of the dataset.
    #[must_use]
    pub fn in_unit(mut self, scale: Option<TargetScale>, range: TargetRange) -> Self {
        if let (Self::Ridge(head), Some(scale)) = (&mut self, scale) {
            head.weights.iter_mut().for_each(|weight| *weight *= scale.deviation);
            head.intercept = scale.restore(head.intercept);
            (head.minimum, head.maximum) = (range.minimum, range.maximum);
        }
        self
    }

    /// Gives a head of label sets its `thresholds` `[labels]`, if any were chosen.
    #[must_use]
    pub fn decided_at(mut self, thresholds: &[f64]) -> Self {
        if let Self::Multilabel(head) = &mut self
            && head.thresholds.len() == thresholds.len()
        {
            head.thresholds.copy_from_slice(thresholds);
        }
        self
    }

    /// Returns the names of those columns.
    pub fn column_names(&self) -> Vec<String> {
        self.columns().iter().map(|column| column.name.clone()).collect()
    }

    /// Returns the names of its classes, in the order of their indices; `None` for a head that answers numbers.
    pub fn classes(&self) -> Option<Vec<String>> {
        match self {
            Self::Logistic(head) => Some(head.classes.clone()),
            Self::Mlp(head) => (!matches!(head.output, MlpOutput::Number { .. })).then(|| head.classes.clone()),
            Self::Multilabel(head) => Some(head.labels.clone()),
            Self::Ridge(_) => None,
            Self::Similarity(head) => Some(head.classes.clone()),
            Self::Tagger(head) => Some(head.tags.names()),
        }
    }

    /// Returns the head, if it predicts one label per text.
    pub fn as_classifier(&self) -> Option<&dyn SequenceHead> {
        match self {
            Self::Logistic(head) => Some(head),
            Self::Mlp(head) => Some(head),
            Self::Similarity(head) => Some(head),
            Self::Multilabel(_) | Self::Ridge(_) | Self::Tagger(_) => None,
        }
    }

    /// Returns the same, owned.
    pub fn into_classifier(self) -> Option<Box<dyn SequenceHead>> {
        match self {
            Self::Logistic(head) => Some(Box::new(head)),
            Self::Mlp(head) => Some(Box::new(head)),
            Self::Similarity(head) => Some(Box::new(head)),
            Self::Multilabel(_) | Self::Ridge(_) | Self::Tagger(_) => None,
        }
    }

    /// Returns the head, if it predicts any number of labels per text.
    pub fn as_label_sets(&self) -> Option<&dyn LabelSetHead> {
        match self {
            Self::Multilabel(head) => Some(head),
            Self::Mlp(head) => Some(head),
            Self::Logistic(_) | Self::Ridge(_) | Self::Similarity(_) | Self::Tagger(_) => None,
        }
    }

    /// Returns the same, owned.
    pub fn into_label_sets(self) -> Option<Box<dyn LabelSetHead>> {
        match self {
            Self::Multilabel(head) => Some(Box::new(head)),
            Self::Mlp(head) => Some(Box::new(head)),
            Self::Logistic(_) | Self::Ridge(_) | Self::Similarity(_) | Self::Tagger(_) => None,
        }
    }

    /// Returns the head, if it predicts a number per text.
    pub fn as_number(&self) -> Option<&dyn NumberHead> {
        match self {
            Self::Ridge(head) => Some(head),
            Self::Mlp(head) => Some(head),
            Self::Logistic(_) | Self::Multilabel(_) | Self::Similarity(_) | Self::Tagger(_) => None,
        }
    }

    /// Returns the same, owned.
    pub fn into_number(self) -> Option<Box<dyn NumberHead>> {
        match self {
            Self::Ridge(head) => Some(Box::new(head)),
            Self::Mlp(head) => Some(Box::new(head)),
            Self::Logistic(_) | Self::Multilabel(_) | Self::Similarity(_) | Self::Tagger(_) => None,
        }
    }

    /// Returns the head, if it predicts one tag per word.
    pub fn as_tagger(&self) -> Option<&TaggingHead> {
        match self {
            Self::Tagger(head) => Some(head),
            _ => None,
        }
    }

    /// Returns the least probability at which class 1 of two is answered.
    pub fn threshold(&self) -> Option<f64> {
        match self {
            Self::Logistic(head) => head.threshold,
            Self::Mlp(head) => head.threshold(),
            Self::Similarity(head) => (head.classes.len() == 2).then_some(HALF),
            Self::Multilabel(_) | Self::Ridge(_) | Self::Tagger(_) => None,
        }
    }
}
