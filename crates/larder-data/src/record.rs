//! The record of a row, which is written again with something added.

use arrow::array::RecordBatch;
use std::sync::Arc;

/// The bytes, or cells, of one row as its file holds them, usable or not.
#[derive(Debug, Clone)]
pub enum Record {
    /// csv, tsv: every field, without the quotes around it.
    Fields(Vec<Vec<u8>>),
    /// jsonl: the line without its end.
    Line(Vec<u8>),
    /// conll: the lines behind the row before, up to and with the one that ended this sentence.
    Lines(Vec<RecordLine>),
    /// Parquet: one row of a batch that holds all columns of the file.
    Cells {
        /// The batch, shared by its rows.
        batch: Arc<RecordBatch>,
        /// The row's place in it.
        row: usize,
    },
}

/// One line of a CoNLL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLine {
    /// The line without its end.
    pub bytes: Vec<u8>,
    /// LF, CRLF, or nothing at the end of the file.
    pub ending: Vec<u8>,
    /// The content of the line.
    pub holds: LineContent,
}

/// The content of a line of a CoNLL file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineContent {
    /// The next word of the sentence.
    Word,
    /// Columns, but no word of the sentence: a range or an empty node of CoNLL-U.
    NoWord,
    /// The names of the columns.
    Header,
    /// No columns: blank, a comment, or the start of a document.
    Other,
}
