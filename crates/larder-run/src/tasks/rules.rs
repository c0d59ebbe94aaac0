//! The rules that each task implements.

use std::collections::BTreeMap;
use std::path::Path;

use larder_data::{LabelMap, Task};
use larder_finetune::Preset;
use larder_graphs::{HeadInput, Loss};
use larder_metrics::{Metric, MetricsError};
use larder_onnx::Pool;
use larder_runtime::Device;
use larder_store::{FeaturesFile, Level, TokensProjection};
use larder_train::Classifier;

use crate::answers::{Predictor, TaskAnswers};
use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, StageTimer};
use crate::examples::GoldRows;
use crate::tasks::{AnsweredRows, Evaluation, FileScores, ScoredFile, TaskExport, TaskPage};
use crate::{Head, HeadSettings, Larder, RunError, RunRecord, TargetClasses, TrainingWords};

/// Words and numbers of a task.
#[derive(Debug)]
pub struct TaskFacts {
    /// The task.
    pub task: Task,
    /// The level of the features that its heads read.
    pub level: Level,
    /// The examples of a split, in the plural: `rows`, `sentences`.
    pub rows: &'static str,
    /// The units that heads are fitted on, in the plural: `texts`, `words`.
    pub units: &'static str,
    /// The units that the counts of a training split are of: `rows`, `words`.
    pub counted: &'static str,
    /// The targets, in the plural: `labels`, `tags`.
    pub targets: &'static str,
    /// True if each target is one of the run's labels.
    pub targets_are_labels: bool,
    /// The task in the words of help and messages: `classification`, `tagging`.
    pub in_words: &'static str,
    /// The kinds of heads that can be asked for.
    pub heads: &'static [&'static str],
    /// The columns of a tokens file that fine-tuning reads.
    pub projection: TokensProjection,
    /// The columns of the report's table of all splits, behind run and split.
    pub overview_header: &'static [&'static str],
    /// The end of `transformers`' names for such models: `SequenceClassification`.
    pub model_class: &'static str,
    /// The `problem_type` of `transformers`, where it has one.
    pub problem_type: Option<&'static str>,
    /// The pipeline tag of hubs of models.
    pub pipeline_tag: &'static str,
    /// The fate of texts longer than a model reads at once, behind the number of tokens.
    pub longer_texts: &'static str,
}

/// The differences between tasks. Each task's folder has `Rules`, which [`of`](crate::tasks::of) returns.
pub trait TaskRules: TaskAnswers + TaskPage + TaskExport + Sync {
    /// Its words and numbers.
    fn facts(&self) -> &'static TaskFacts;

    /// Returns the default head.
    fn default_head(&self) -> HeadSettings;

    /// Returns the flags that do not apply to the task, or to its head of that kind.
    fn foreign_flags(&self, head: Option<&str>) -> &'static [&'static str];

    /// Returns the labels with rows in `features`, and the names of those without.
    ///
    /// # Errors
    /// [`RunError::Store`] for a file that cannot be read.
    fn learnable_labels(
        &self,
        _features: &FeaturesFile,
        labels: LabelMap,
    ) -> Result<(LabelMap, Vec<String>), RunError> {
        Ok((labels, Vec::new()))
    }

    /// Returns the statistics of the words of a tokens file; `None` where rows are texts.
    ///
    /// # Errors
    /// [`RunError::Store`] for a file that cannot be read.
    fn training_words(&self, _tokens: &Path) -> Result<Option<TrainingWords>, RunError> {
        Ok(None)
    }

    /// Returns the name of the score that compares runs (`metric` where the task has several): `mcc`, `strict_f1`.
    fn score_name(&self, metric: Metric) -> &'static str;

    /// Returns the same in the words of findings: `mcc`, `strict F1`.
    fn score_in_words(&self, metric: Metric) -> &'static str {
        self.score_name(metric)
    }

    /// Returns the classes of the training split's targets, for findings. `entities` counts those of a tagging dataset.
    fn target_classes(&self, record: &RunRecord, _entities: &BTreeMap<String, usize>) -> TargetClasses {
        TargetClasses {
            names: record.labels.clone(),
            display: record.display.clone(),
            counts: record.train_counts.clone(),
            what: "rows",
            are_labels: self.facts().targets_are_labels,
        }
    }

    /// Returns the input of a fine-tuned head: `asked` where the task leaves a choice, else `usual`.
    fn head_input(&self, asked: Option<Pool>, usual: HeadInput) -> HeadInput {
        asked.map_or(usual, HeadInput::Pooled)
    }

    /// Returns the loss of a fine-tuning; class weights and smoothing are of labels that exclude each other.
    fn loss(&self, class_weights: Option<Vec<f32>>, label_smoothing: f32) -> Loss {
        Loss::CrossEntropy { class_weights, label_smoothing }
    }

    /// Adjusts a family's recipe to the task.
    fn preset(&self, preset: Preset) -> Preset {
        preset
    }

    /// Returns an empty collection of right answers.
    fn gold(&self) -> Box<dyn GoldRows>;

    /// Returns the head of a fine-tuned classifier. `seen` are the classes that had training rows.
    fn tuned_head(&self, classifier: Classifier<'_>, labels: &LabelMap, seen: Vec<bool>) -> Head;

    /// Reads the head of a fine-tuned run.
    ///
    /// # Errors
    /// [`RunError::Train`] for files that are missing or damaged.
    fn load_tuned_head(&self, folder: &Path) -> Result<Head, RunError>;

    /// Opens a run to answer new rows.
    ///
    /// # Errors
    /// [`RunError::EncoderChanged`] if the encoder's name now stands for another model; [`RunError::BrokenRun`].
    fn predictor(
        &self,
        larder: &Larder,
        record: RunRecord,
        device: Device,
        threads: usize,
    ) -> Result<Box<dyn Predictor>, RunError>;

    /// Scores a head on features files of splits and writes its answers into the run's folder. Adds the answers to `kept` if
    /// given.
    ///
    /// # Errors
    /// [`RunError::NoLabel`] for a row without a label among others; [`RunError::BrokenRun`] for a head of another task.
    fn evaluate(
        &self,
        context: &EvaluationContext<'_>,
        head: &Head,
        timer: &mut StageTimer,
        kept: Option<&mut Vec<SplitAnswers>>,
    ) -> Result<Evaluation, RunError>;

    /// Scores anybody's predictions.
    ///
    /// # Errors
    /// [`RunError::FilesNotScored`] for a task that has no such scores; [`RunError::Data`] and [`RunError::ScoredColumns`]
    /// with file and row.
    fn score_file(&self, _file: &ScoredFile) -> Result<Box<dyn FileScores>, RunError> {
        Err(RunError::FilesNotScored { task: self.facts().task })
    }

    /// Pairs two sets of answers to the same rows; `None` if their gold labels differ.
    ///
    /// # Errors
    /// [`MetricsError`] for lists of different lengths.
    fn pair<'a>(
        &self,
        first: &'a AnsweredRows,
        second: &'a AnsweredRows,
    ) -> Result<Option<Box<dyn PairedAnswers + 'a>>, MetricsError>;
}
