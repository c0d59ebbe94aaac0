//! What is wrong with a file of rows to answer.

use std::path::PathBuf;

/// A file whose rows cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Its name says neither Parquet nor JSON lines.
    #[error("{} has rows of an unknown kind: expected a name that ends in .parquet, .jsonl or .ndjson", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// One is Parquet and the other JSON lines.
    #[error("{} and {} are of different kinds: both must be Parquet, or both JSON lines", input.display(), output.display())]
    Kinds {
        /// The rows.
        input: PathBuf,
        /// The file to make.
        output: PathBuf,
    },
    /// It has no such column.
    #[error("{}: there is no column `{column}`; it has {}\n  {flag} NAME says which", path.display(), known.join(", "))]
    Column {
        /// The file.
        path: PathBuf,
        /// The column looked for.
        column: String,
        /// The columns there are.
        known: Vec<String>,
        /// The flag that names it.
        flag: &'static str,
    },
    /// A column is no text.
    #[error("{}: column `{column}` holds {found}: expected {expected}", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it holds.
        found: String,
        /// What it should.
        expected: &'static str,
    },
    /// It has a column of the name of one that would be added.
    #[error("{}: there is a column `{column}` already\n  --prefix TEXT puts something before the names of the new ones", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A row has no text.
    #[error("{}, {place}: {problem}\n  --on-bad-row skip leaves such rows without an answer", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// `row 7` or `line 7`.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A line is no JSON object.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// It is damaged, or no Parquet file.
    #[error("{} cannot be read: {problem}\n  if it is there, it was cut short or damaged, or is of another kind: make or copy it again", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// It has no rows.
    #[error("{} has no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The output is there, and was made from something else.
    #[error("{} is there already\n  --force replaces it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
}
