//! The rules that each task implements.

use std::collections::BTreeMap;
use std::path::Path;

use larder_data::{LabelMap, Task};
use larder_finetune::Preset;
use larder_graphs::HeadInput;
use larder_metrics::{Interval, Metric, MetricsError};
use larder_onnx::Pool;
use larder_runtime::Device;
use larder_store::{FeaturesFile, Level, TokensProjection};
use larder_train::Classifier;

use crate::answers::{Predictor, TaskAnswers};
use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, StageTimer};
use crate::examples::GoldRows;
use crate::tasks::{AnsweredRows, Evaluation, TaskExport, TaskPage};
use crate::{Head, HeadSettings, Larder, RunError, RunRecord, TargetClasses, TextTable, TrainingWords};

/// The differences between tasks. Each task's folder has `Rules`, which [`of`](crate::tasks::of) returns.
pub trait TaskRules: TaskAnswers + TaskPage + TaskExport + Sync {
    /// Returns the task.
    fn task(&self) -> Task;

    /// Returns the level of its features.
    fn level(&self) -> Level;

    /// Returns the examples of a split, in the plural: `rows`, `sentences`.
    fn rows(&self) -> &'static str;

    /// Returns the units that heads are fitted on, in the plural: `texts`, `words`.
    fn units(&self) -> &'static str;

    /// Returns the targets, in the plural: `labels`, `tags`.
    fn targets(&self) -> &'static str;

    /// Returns the default head.
    fn default_head(&self) -> HeadSettings;

    /// Returns the task's name in help and messages: `classification`, `tagging`.
    fn in_words(&self) -> &'static str;

    /// Returns the flags that do not apply to the task, or to its head of that kind.
    fn foreign_flags(&self, head: Option<&str>) -> &'static [&'static str];

    /// Returns the kinds of heads of the task.
    fn heads(&self) -> &'static [&'static str];

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

    /// Returns true if each target is one of the run's labels.
    fn targets_are_labels(&self) -> bool;

    /// Returns the classes of the training split's targets, for findings. `entities` counts those of a tagging dataset.
    fn target_classes(&self, record: &RunRecord, entities: &BTreeMap<String, usize>) -> TargetClasses;

    /// Returns the columns of a tokens file that fine-tuning reads.
    fn projection(&self) -> TokensProjection;

    /// Returns the input of a fine-tuned head: `asked` where the task leaves a choice, else `usual`.
    fn head_input(&self, asked: Option<Pool>, usual: HeadInput) -> HeadInput;

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

    /// Pairs two sets of answers to the same rows; `None` if their gold labels differ.
    ///
    /// # Errors
    /// [`MetricsError`] for lists of different lengths.
    fn pair<'a>(
        &self,
        first: &'a AnsweredRows,
        second: &'a AnsweredRows,
    ) -> Result<Option<Box<dyn PairedAnswers + 'a>>, MetricsError>;

    /// Returns the scores of several runs on split number `at`, one line each, and of a baseline. `what` is the header of the
    /// first column; `intervals` are those of the score `score_name`, `[runs]`.
    fn comparison(
        &self,
        what: &str,
        runs: &[(String, &Evaluation)],
        at: usize,
        score_name: &str,
        intervals: &[Interval],
    ) -> TextTable;
}
