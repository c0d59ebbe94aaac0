//! The errors of inspecting a file.

use std::path::PathBuf;

use parquet::errors::ParquetError;

/// A file could not be looked at. Every variant names it.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The operating system refused.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file does not start as Parquet does.
    #[error("{} is not a Parquet file: it does not start with the bytes PAR1", path.display())]
    NotParquet {
        /// The file.
        path: PathBuf,
    },
    /// Two files whose vectors cannot be compared.
    #[error("{} and {} cannot be compared: {why}", first.display(), second.display())]
    NotComparable {
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The reason, and the way out.
        why: String,
    },
    /// The file starts as Parquet and cannot be read.
    #[error("{} is not a whole Parquet file: it was cut short or damaged; make or copy it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The Parquet reader's reason.
        #[source]
        source: ParquetError,
    },
    /// No column of that name.
    #[error("{}: there is no column `{column}`; there are {}", path.display(), known.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        column: String,
        /// The columns there are.
        known: Vec<String>,
    },
    /// A column of another type than was asked for.
    #[error("{}: column `{column}` is {found}; expected {expected}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The type that is needed.
        expected: &'static str,
    },
    /// Neighbours were asked for, and nothing in the file is a vector.
    #[error(
        "{}: no column holds vectors (lists of equal length of Float16, Float32, Float64 or Int8); its columns are {}",
        path.display(),
        columns.join(", ")
    )]
    NoVectors {
        /// The file.
        path: PathBuf,
        /// Its columns.
        columns: Vec<String>,
    },
    /// Lists of unequal length.
    #[error(
        "{}: column `{column}` holds no vectors of one dimension: the list of row {row} has {found} elements, expected \
         {expected} as in the rows before",
        path.display()
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Zero-based row.
        row: u64,
        /// Elements there.
        found: usize,
        /// Elements of the first list.
        expected: usize,
    },
    /// A row behind the last one.
    #[error("{}: there is no row {row}: rows are 0 to {}", path.display(), rows.saturating_sub(1))]
    NoRow {
        /// The file.
        path: PathBuf,
        /// The row asked for.
        row: u64,
        /// Rows that are looked at.
        rows: u64,
    },
    /// No row with that id.
    #[error("{}: no row has the example_id `{id}`", path.display())]
    NoExample {
        /// The file.
        path: PathBuf,
        /// The id asked for.
        id: String,
    },
    /// A vector that points nowhere has no neighbours.
    #[error("{}: column `{column}`: the vector {whose} is {what}, so there is no cosine with it", path.display())]
    NoDirection {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// `of row 7`, or `given`.
        whose: String,
        /// `missing`, `zero` or `not finite`.
        what: &'static str,
    },
    /// A vector of another dimension than the column's.
    #[error("{}: column `{column}` has vectors of dimension {expected}, and the one to compare with has {found}", path.display())]
    Dimension {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The dimension of the vector to compare with.
        found: usize,
        /// The column's.
        expected: usize,
    },
}
