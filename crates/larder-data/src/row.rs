//! Rows as a format gives them, before they are checked.

use crate::choice::Format;
use crate::error::DataError;
use crate::example::Content;
use crate::record::Record;
use crate::row_problem::{Place, RowProblem};
use crate::slice::TextPosition;
use crate::target_columns::RowTarget;

/// One row as its format gives it, not yet checked.
pub(crate) struct Row {
    pub line: u64,
    pub document: u64,
    pub id: Option<String>,
    pub content: Content,
    /// The target to predict; `None` if the description names no column for it. An error says what is wrong with that
    /// column of a row whose content can be read.
    pub target: Result<Option<RowTarget>, (Place, RowProblem)>,
    /// Tags that are only nearly those of the file: what the policy for illegal tags decides about.
    pub inexact: Option<RowProblem>,
    /// Lines among those of a CoNLL sentence's words that hold no word.
    pub no_words: Vec<u64>,
}

/// The reason why a format gives no row.
pub(crate) enum Fault {
    /// This row cannot be used; the next one may.
    Bad { place: Place, problem: RowProblem },
    /// An error after which nothing more can be read.
    Fatal(DataError),
}

/// A format: rows one after another.
pub(crate) trait RowReader: Send {
    /// The next row; `None` at the end of the file.
    fn next_row(&mut self) -> Option<Result<Row, Fault>>;
    /// Returns the name for messages of the column that the description's `key` points at.
    fn column(&self, key: &'static str) -> String;
    /// Returns the record of the row just given, or refused. For rows that are [to be answered](Purpose::Answer).
    fn record(&mut self) -> Record;
    /// Returns the names of the targets' classes, in the order of their numbers, where the file lists them; else nothing.
    fn class_names(&self) -> &[String] {
        &[]
    }
    /// The names of all columns, where the file begins with them.
    fn header(&self) -> Option<&[String]> {
        None
    }
    /// Returns the place where the next row starts; `None` for a format that is no text.
    fn position(&self) -> Option<TextPosition> {
        None
    }
    /// Returns true if lone CRs end the lines, once one was read.
    fn cr_ends_lines(&self) -> bool {
        false
    }
    /// Counts on from `position`, for a stream that left out what stands before.
    fn resume(&mut self, _position: TextPosition) {}
}

/// The purpose that rows are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To learn or to judge: targets are read.
    Learn,
    /// To be answered: targets may be missing and are not looked at, and each row's [`Record`] is kept.
    Answer,
}

/// The content of rows of a layout that names columns of targets alone.
pub(crate) fn no_content() -> Content {
    Content::Text { text: String::new(), text_b: None }
}

/// The place of a row, given the one-based line, or row, where it starts.
pub(crate) fn place(format: Format, number: u64) -> Place {
    match format {
        Format::Parquet => Place::Row(number),
        _ => Place::Line(number),
    }
}

/// Checks that the content has everything that an encoder reads.
pub(crate) fn check_content(rows: &dyn RowReader, content: &Content) -> Result<(), RowProblem> {
    let empty = |key| Err(RowProblem::Empty { column: rows.column(key) });
    match content {
        Content::Text { text, .. } if text.trim().is_empty() => empty("text"),
        Content::Text { text_b: Some(text), .. } if text.trim().is_empty() => empty("text_b"),
        Content::Words(words) if words.is_empty() || words.iter().any(String::is_empty) => empty("words"),
        _ => Ok(()),
    }
}
