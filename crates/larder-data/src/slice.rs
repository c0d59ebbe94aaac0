//! Some consecutive rows of one file of a split, and what a reader that starts there must know of what stands before.

use serde::{Deserialize, Serialize};

use crate::lines::LineReader;

/// Consecutive rows of one file of a split. A reader goes straight to them: in a text file by their first byte, in Parquet by
/// their row groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSlice {
    /// The number of the first row in the split, bad rows counted; a row without an id is called by its number.
    pub first_row: u64,
    /// Rows, bad ones too.
    pub rows: u64,
    /// Their place in the file.
    #[serde(flatten)]
    pub place: SlicePlace,
}

/// The place of a slice in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SlicePlace {
    /// Bytes of a text file.
    Text(TextPlace),
    /// Row groups of a Parquet file.
    Groups(GroupPlace),
}

/// The place of a slice in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPlace {
    /// The start of its first row.
    pub start: TextPosition,
    /// The byte behind its last row.
    pub end_byte: u64,
    /// The facts of the file, the same for all its slices.
    #[serde(flatten)]
    pub file: TextFacts,
}

/// The facts that a reader learns from the first bytes of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TextFacts {
    /// Bytes of the header, a byte order mark included; 0 where there is none.
    pub header_bytes: u64,
    /// True if lone CRs end the lines.
    pub cr_ends_lines: bool,
}

/// A place between two rows of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TextPosition {
    /// Bytes before it.
    pub byte: u64,
    /// Lines before it.
    pub line: u64,
    /// CoNLL: the document that goes on there, counted through the files of the split.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub document: u64,
    /// csv, tsv: the columns that every row has, once a row or header was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<usize>,
}

/// The place of a slice in a Parquet file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPlace {
    /// The row group of its first row.
    pub first_group: usize,
    /// Row groups that it reads.
    pub groups: usize,
    /// Rows of the first one that belong to slices before it.
    pub skip: u64,
    /// Rows of the file before the first row group.
    pub rows_before: u64,
}

impl TextPosition {
    /// Returns the place behind the lines that were read.
    pub(crate) fn of_lines(lines: &LineReader) -> Self {
        let (byte, line) = lines.position();
        Self { byte, line, ..Self::default() }
    }
}

impl TextFacts {
    /// Returns the byte that ends a line.
    pub(crate) fn line_end(&self) -> u8 {
        if self.cr_ends_lines { b'\r' } else { b'\n' }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
