//! Tokens files as examples for fine-tuning and its evaluation.

use std::fmt::Debug;
use std::path::Path;

use larder_data::LabelMap;
use larder_diagnose::TargetSummary;
use larder_finetune::{Example, Targets, TextTokens};
use larder_metrics::{Metric, TrainLabels};
use larder_store::{TokensBatch, TokensProjection, TokensReader};
use larder_train::TargetScale;

use crate::RunError;
use crate::tasks::TaskRules;

/// The examples of one split.
#[derive(Debug)]
pub struct SplitExamples {
    /// Texts; of tagging, windows of sentences.
    pub examples: Vec<Example>,
    /// The right answers.
    pub gold: Box<dyn GoldRows>,
    /// Rows of the tokens file.
    pub rows: usize,
    /// Rows left out because training never saw their labels.
    pub unseen_rows: usize,
}

/// Settings for reading a split.
#[derive(Debug, Clone, Copy)]
pub struct ExampleSettings<'a> {
    /// The labels.
    pub labels: &'a LabelMap,
    /// Tagging: tokens of a window.
    pub max_tokens: usize,
    /// Tagging: tokens from one window to the next; half a window unless given.
    pub stride: Option<usize>,
    /// Each text of a pair is read by itself.
    pub pair_features: bool,
    /// Leaves out rows whose labels are not in `labels`; otherwise they are errors.
    pub skip_unseen: bool,
}

/// One row of a tokens file.
#[derive(Clone, Copy)]
pub struct TokenizedRow<'a> {
    /// The file.
    pub path: &'a Path,
    /// The batch that holds it.
    pub batch: &'a TokensBatch,
    /// The row's index in the batch.
    pub row: usize,
    /// The row's index in the file.
    pub number: usize,
}

impl TokenizedRow<'_> {
    /// Returns the error for a row without a label.
    pub(crate) fn no_label(&self) -> RunError {
        RunError::NoLabel { features: self.path.to_path_buf(), row: self.number }
    }

    /// Returns the class of a label.
    pub(crate) fn class(&self, label: &str, labels: &LabelMap) -> Result<usize, RunError> {
        labels.index(label).map_err(|_| RunError::UnknownLabel {
            features: self.path.to_path_buf(),
            row: self.number,
            label: label.to_owned(),
            known: labels.names().to_vec(),
        })
    }
}

/// The right answers of a split, whatever the task.
pub trait GoldRows: Debug {
    /// Returns true if the row has a label that is not in `labels`.
    fn is_unseen(&self, row: &TokenizedRow<'_>, labels: &LabelMap) -> bool;

    /// Adds a row's answer, and its encoder input to `examples`.
    ///
    /// # Errors
    /// [`RunError::NoLabel`], [`RunError::UnknownLabel`].
    fn push(
        &mut self,
        row: &TokenizedRow<'_>,
        settings: &ExampleSettings<'_>,
        examples: &mut Vec<Example>,
    ) -> Result<(), RunError>;

    /// Returns the rows (tagging: words) of each class, `[classes]`.
    fn counts(&self, classes: usize) -> Vec<usize>;

    /// Returns the mean and deviation that targets are standardised by before training, so that the learning rates of recipes
    /// hold whatever their unit; `None` where targets stay as they are.
    fn scale(&self) -> Option<TargetScale> {
        None
    }

    /// Returns the distribution of targets that are numbers.
    fn numbers(&self) -> Option<TargetSummary> {
        None
    }

    /// Returns what constant answers of label sets rest on, where rows have any number of the `labels` labels.
    fn train_labels(&self, _labels: usize) -> Option<TrainLabels> {
        None
    }

    /// Returns a judge of answers to these rows. `seen` are the classes that had training rows.
    fn judge<'a>(&'a self, labels: &LabelMap, metric: Metric, seen: &[bool]) -> Box<dyn LogitsJudge + 'a>;
}

/// Judges logits.
pub trait LogitsJudge {
    /// Returns the score of float32 logits `[counted labels, classes]`, in the order of examples and tokens; higher is better.
    /// NaN if nothing can be judged.
    fn score(&self, logits: &[f32]) -> f64;

    /// Returns the decision thresholds that the last score rests on, where answers need any.
    fn thresholds(&self) -> Vec<f64> {
        Vec::new()
    }
}

impl SplitExamples {
    /// Returns a split without rows.
    pub fn empty(rules: &dyn TaskRules) -> Self {
        Self { examples: Vec::new(), gold: rules.gold(), rows: 0, unseen_rows: 0 }
    }

    /// Standardises targets that are numbers.
    pub fn standardise(&mut self, scale: TargetScale) {
        for example in &mut self.examples {
            if let Targets::Values(values) = &mut example.targets {
                values.iter_mut().for_each(|value| *value = scale.standardise(f64::from(*value)) as f32);
            }
        }
    }

    /// Reads the tokens file at `path`.
    ///
    /// # Errors
    /// [`RunError::NoLabel`], [`RunError::UnknownLabel`] with the row; [`RunError::Store`] for a file that cannot be read.
    pub fn read(rules: &dyn TaskRules, path: &Path, settings: &ExampleSettings<'_>) -> Result<Self, RunError> {
        let mut read = Self::empty(rules);
        let projection = if settings.pair_features { TokensProjection::EncodeAlone } else { rules.facts().projection };
        for batch in TokensReader::open(path, projection)? {
            let batch = batch?;
            for row in 0..batch.len() {
                let row = TokenizedRow { path, batch: &batch, row, number: read.rows + row };
                if settings.skip_unseen && read.gold.is_unseen(&row, settings.labels) {
                    read.unseen_rows += 1;
                } else {
                    read.gold.push(&row, settings, &mut read.examples)?;
                    if let (true, Some(example)) = (settings.pair_features, read.examples.last_mut()) {
                        read_alone(&row, example);
                    }
                }
            }
            read.rows += batch.len();
        }
        Ok(read)
    }
}

/// Puts the texts of a pair, each by itself, in the place of both together.
fn read_alone(row: &TokenizedRow<'_>, example: &mut Example) {
    let wide = |ids: Vec<i32>| ids.into_iter().map(i64::from).collect();
    let Some([first, second]) = row.batch.texts_alone(row.row) else { return };
    (example.input_ids, example.token_type_ids) = (wide(first.input_ids), wide(first.type_ids));
    example.second = Some(TextTokens { input_ids: wide(second.input_ids), token_type_ids: wide(second.type_ids) });
}

/// Returns the example of a text with a number for each column of the logits.
pub(crate) fn valued(row: &TokenizedRow<'_>, values: Vec<f32>) -> Example {
    let wide = |ids: &[i32]| ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>();
    let example = Example::valued(wide(row.batch.input_ids(row.row)), values);
    Example { token_type_ids: row.batch.type_ids(row.row).map(wide).unwrap_or_default(), ..example }
}

/// Returns a class as the graph reads it.
pub(crate) fn as_label(class: usize) -> i64 {
    i64::try_from(class).unwrap_or(i64::MAX)
}
