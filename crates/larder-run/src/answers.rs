//! A run's answers to new rows, whatever the task.

use std::fmt::Debug;

use arrow::array::ArrayRef;
use larder_data::{Columns, Content, InputFormat};
use larder_encode::EncodeError;
use larder_runtime::RanOn;
use serde_json::Value;

use crate::tasks::Answer;
use crate::{RunError, RunRecord};

/// Characters of a text that a message shows.
const EXCERPT: usize = 80;

/// A run ready to answer.
pub trait Predictor: Debug {
    /// The run.
    fn record(&self) -> &RunRecord;

    /// The device that runs.
    fn ran_on(&self) -> &RanOn;

    /// Rows that are answered at once: their vectors are in memory, of all layers that the head reads.
    fn rows_at_once(&self) -> usize;

    /// What should be known about how `contents` are read, if anything is out of the ordinary.
    fn note(&self, _contents: &[Content]) -> Option<String> {
        None
    }

    /// Answers `contents`, in order.
    ///
    /// # Errors
    /// [`RunError::Text`], [`RunError::Unreadable`], [`RunError::NoVector`] for a text; [`RunError::Encode`].
    fn predict(&mut self, contents: &[Content]) -> Result<Vec<Answer>, RunError>;
}

/// The answer to one row, whatever the task.
pub trait RowAnswer {
    /// Whether the row is longer than the run reads, and was cut.
    fn is_truncated(&self) -> bool {
        false
    }

    /// Its values as JSON, `[columns.names]`.
    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value>;

    /// Its values as texts of one cell each, `[columns.cell_names]`.
    fn cells(&self, columns: &AnswerColumns) -> Vec<String>;

    /// Its IOB2 tags, one a word, where it has such.
    fn tags(&self) -> Option<&[String]> {
        None
    }

    /// The answer for people, with the end of its last line. `format` is that of the rows.
    fn line(&self, content: &Content, format: InputFormat, is_coloured: bool) -> String;

    /// The answer as one JSON document. `labels` are the run's.
    ///
    /// # Errors
    /// What the writer of JSON says.
    fn json(&self, content: &Content, labels: &[String]) -> serde_json::Result<String>;
}

/// The columns, or fields, that answers add to the rows of a file.
#[derive(Debug, Clone, Default)]
pub struct AnswerColumns {
    /// Their names where a field may hold a list.
    pub names: Vec<&'static str>,
    /// Their names in csv and tsv, where a cell holds one value.
    pub cell_names: Vec<String>,
    /// The texts that cells may hold: labels.
    pub texts: Vec<String>,
    /// Whether cells hold lists, which are written as JSON.
    pub lists: bool,
    /// The run's labels.
    pub labels: Vec<String>,
}

/// What a task does with answers to new rows.
pub trait Answering {
    /// The columns that its answers add to a file whose rows have these `columns`.
    fn answer_columns(&self, record: &RunRecord, columns: &Columns) -> AnswerColumns;

    /// Answers as Arrow arrays `[rows]`, one for each of `columns.names`, null where there is no answer.
    fn answer_arrays(&self, answers: &[Option<Answer>], columns: &AnswerColumns) -> Vec<ArrayRef>;

    /// The fields of an answer as JSON that a row without one has too, null.
    fn json_fields(&self) -> &'static [&'static str];

    /// The line for people of a row that has no answer because of `problem`; `None` where it has no line.
    fn unanswered_line(&self, problem: &str, format: InputFormat) -> Option<String>;
}

/// `error` with the text that it is about, where it is about one of `contents`.
pub fn about_text(error: EncodeError, contents: &[Content]) -> RunError {
    let EncodeError::NotFinite { input, .. } = &error else { return error.into() };
    let text = contents.get(*input).map(|content| match content {
        Content::Text { text, .. } => text.chars().take(EXCERPT).collect(),
        Content::Words(words) => words.join(" ").chars().take(EXCERPT).collect(),
    });
    match text {
        Some(text) => RunError::NoVector { text, source: Box::new(error) },
        None => error.into(),
    }
}
