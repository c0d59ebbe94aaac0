//! A run's answers to new rows, whatever the task.

use std::fmt::Debug;

use arrow::array::ArrayRef;
use larder_data::{Columns, Content, InputFormat};
use larder_encode::EncodeError;
use larder_runtime::RanOn;
use larder_tags::Entity;
use serde_json::Value;

use crate::coverage::AnswerBasis;
use crate::tasks::Answer;
use crate::{RunError, RunRecord};

/// Characters of a text that a message shows.
const EXCERPT: usize = 80;

/// A run ready to answer.
pub trait Predictor: Debug {
    /// Returns the run.
    fn record(&self) -> &RunRecord;

    /// Returns the device that runs.
    fn ran_on(&self) -> &RanOn;

    /// Returns the number of rows to answer in one call: their vectors, of all layers that the head reads, are in memory.
    fn rows_at_once(&self) -> usize;

    /// Returns a remark if `contents` are read in an unusual way.
    fn note(&self, _contents: &[Content]) -> Option<String> {
        None
    }

    /// Answers `contents` in order.
    ///
    /// # Errors
    /// [`RunError::Text`], [`RunError::Unreadable`], [`RunError::NoVector`] for a text; [`RunError::Encode`].
    fn predict(&mut self, contents: &[Content]) -> Result<Vec<Answer>, RunError>;
}

/// The answer to one row, whatever the task.
pub trait RowAnswer {
    /// Returns true if the row was longer than the run reads, and was cut.
    fn is_truncated(&self) -> bool {
        false
    }

    /// Returns what sets with coverage are made from.
    fn basis(&self) -> AnswerBasis<'_> {
        AnswerBasis::Nothing
    }

    /// Returns the values as JSON, `[columns.names]`.
    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value>;

    /// Returns the values as text, one cell each, `[columns.cell_names]`.
    fn cells(&self, columns: &AnswerColumns) -> Vec<String>;

    /// Returns the IOB2 tags, one per word, if the task has them.
    fn tags(&self) -> Option<&[String]> {
        None
    }

    /// Returns what a page shows of the answer.
    fn shown(&self) -> ShownAnswer;

    /// Returns the answer for people, with its line end. `format` is the input format of the rows.
    fn line(&self, content: &Content, format: InputFormat, is_coloured: bool) -> String;

    /// Returns the answer as one JSON document. `labels` are the run's.
    ///
    /// # Errors
    /// An error of the JSON writer.
    fn json(&self, content: &Content, labels: &[String]) -> serde_json::Result<String>;
}

/// What a page shows of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ShownAnswer {
    /// Values with their names, the answer itself first.
    Values(Vec<(&'static str, String)>),
    /// Entities in the words of a sentence.
    Entities {
        /// The words.
        words: Vec<String>,
        /// The entities, in the order of their words.
        entities: Vec<Entity>,
    },
}

/// The columns, or fields, that answers add to the rows of a file.
#[derive(Debug, Clone, Default)]
pub struct AnswerColumns {
    /// Their names where a field may hold a list.
    pub names: Vec<&'static str>,
    /// Their names in csv and tsv, where a cell holds one value.
    pub cell_names: Vec<String>,
    /// The texts that cells may contain: labels.
    pub texts: Vec<String>,
    /// True if cells hold lists, written as JSON.
    pub lists: bool,
    /// The run's labels.
    pub labels: Vec<String>,
}

/// A task's formatting of answers to new rows.
pub trait TaskAnswers {
    /// Returns the columns that answers add to a file whose rows have `columns`.
    fn answer_columns(&self, record: &RunRecord, columns: &Columns) -> AnswerColumns;

    /// Returns answers as Arrow arrays `[rows]`, one for each of `columns.names`, null where there is no answer.
    fn answer_arrays(&self, answers: &[Option<Answer>], columns: &AnswerColumns) -> Vec<ArrayRef>;

    /// Returns the answer's JSON fields that are null in a row without an answer.
    fn json_fields(&self) -> &'static [&'static str];

    /// Returns the line for people of a row that could not be answered because of `problem`; `None` for no line.
    fn unanswered_line(&self, problem: &str, format: InputFormat) -> Option<String>;
}

/// Adds the text to an error that is about one of `contents`.
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
