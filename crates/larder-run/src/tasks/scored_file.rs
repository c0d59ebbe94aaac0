//! Anybody's gold and predictions, and their scores.

use std::path::PathBuf;

use larder_data::{DataError, Format, Separator, TargetFile};
use larder_tags::Scheme;
use serde::Serialize;

use crate::{RunError, TextBlock};

/// A file with gold and predictions, or one of each, and how to read them. Each task uses the fields that it has.
#[derive(Debug, Clone)]
pub struct ScoredFile {
    /// The file.
    pub path: PathBuf,
    /// The file of the predictions, row by row as `path`; `path` itself if `None`.
    pub predictions: Option<PathBuf>,
    /// The format of both; as their names end if `None`.
    pub format: Option<Format>,
    /// csv, tsv: whether the first row names the columns.
    pub header: Option<bool>,
    /// csv, tsv: whether `"` encloses fields.
    pub quoting: Option<bool>,
    /// Columns of gold, by name or position; the usual one if empty.
    pub gold: Vec<String>,
    /// Columns of the predictions; the usual one if empty.
    pub predicted: Vec<String>,
    /// multilabel: columns of probabilities; empty if there are none.
    pub probabilities: Vec<String>,
    /// multilabel: the labels there may be, in the order of lists of probabilities and of columns; all found if empty.
    pub labels: Vec<String>,
    /// multilabel: the text between the labels of one text.
    pub label_separator: Option<String>,
    /// tagging: the separator of columns.
    pub separator: Separator,
    /// tagging: the scheme by which `strict` reads both columns.
    pub scheme: Scheme,
}

/// The scores of a [`ScoredFile`].
pub trait FileScores {
    /// Returns the scores for people.
    fn blocks(&self) -> Vec<TextBlock>;

    /// Returns the scores as JSON.
    ///
    /// # Errors
    /// Those of [`serde_json`].
    fn json(&self) -> serde_json::Result<String>;
}

/// The columns of a row that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoredRole {
    /// The right answers.
    Gold,
    /// The answers of a predictor.
    Predicted,
    /// The probabilities behind them.
    Probabilities,
}

impl ScoredRole {
    /// Returns the flag that names the columns.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Gold => "--gold",
            Self::Predicted => "--predicted",
            Self::Probabilities => "--probabilities",
        }
    }

    /// Says in an error which columns it is about.
    pub(super) fn error(self) -> impl Fn(DataError) -> RunError {
        move |error| RunError::ScoredColumns { role: self, error: Box::new(error) }
    }
}

/// The column of predictions in larder's own files.
const PREDICTED: &str = "prediction";

/// The files and columns that rows are read from.
pub(super) struct ScoredRows {
    pub gold: TargetFile,
    pub gold_columns: Vec<String>,
    pub predictions: TargetFile,
    pub predicted_columns: Vec<String>,
}

impl ScoredFile {
    /// Finds the files and columns; `gold` is the usual column of gold.
    pub(super) fn rows(&self, gold: &str) -> Result<ScoredRows, RunError> {
        let path = self.predictions.as_ref().unwrap_or(&self.path);
        let file = |path| TargetFile::new(path, self.format, self.header, self.quoting);
        let or_usual = |given: &[String], usual: &str| match given {
            [] => vec![usual.to_owned()],
            given => given.to_vec(),
        };
        let rows = ScoredRows {
            gold: file(&self.path)?,
            gold_columns: or_usual(&self.gold, gold),
            predictions: file(path)?,
            predicted_columns: or_usual(&self.predicted, PREDICTED),
        };
        if path == &self.path && rows.gold_columns == rows.predicted_columns {
            let column = rows.gold_columns.join(",");
            return Err(DataError::SameScoredColumn { path: self.path.clone(), column }.into());
        }
        Ok(rows)
    }

    /// Returns the name of the scores for people: the files.
    pub(super) fn name(&self) -> String {
        match &self.predictions {
            Some(predictions) => format!("{} against {}", predictions.display(), self.path.display()),
            None => self.path.display().to_string(),
        }
    }
}

impl ScoredRows {
    /// Checks that there are as many predictions as gold rows.
    pub(super) fn check_counts(&self, gold_rows: usize, predicted_rows: usize) -> Result<(), RunError> {
        if gold_rows == predicted_rows {
            return Ok(());
        }
        let (gold, predicted) = (self.gold.path().to_owned(), self.predictions.path().to_owned());
        Err(DataError::RowCounts { gold, gold_rows, predicted, predicted_rows }.into())
    }
}

/// The remark below scores whose baseline is not of a training split.
pub(super) const OWN_BASELINE: &str =
    "the baseline is the best constant answer to these very rows: there is no training split to take it from";

/// Writes scores as JSON.
pub(super) fn json<T: Serialize>(scores: &T) -> serde_json::Result<String> {
    serde_json::to_string_pretty(scores)
}
