//! What is not clear about a file, and what makes it clear.

use std::path::PathBuf;

use larder_data::DataError;
use larder_errors::Names;
use larder_files::FileError;

/// A file that cannot be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// The file's name tells no format.
    #[error(
        "the ending of {} tells no format with columns: .csv, .tsv, .jsonl, .parquet and .conll do; rename it, or describe it in a TOML file",
        path.display()
    )]
    Ending {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file is not of its format.
    #[error("{} cannot be read as its ending says: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reader's reason.
        problem: String,
    },
    /// There are no rows.
    #[error("{} has no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There are no files of a format in the folder.
    #[error("{} holds no file that ends in .csv, .tsv, .jsonl, .parquet or .conll", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds files of several formats.
    #[error("{} holds files of several formats ({formats}): name those of one, or describe them in a TOML file", path.display())]
    Formats {
        /// The folder.
        path: PathBuf,
        /// The formats.
        formats: Names,
    },
    /// A name that is no column's.
    #[error("{} has no column `{found}`, which --{flag} names ({})", path.display(), known.hint(found))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The flag.
        flag: &'static str,
        /// The name given.
        found: String,
        /// The columns.
        known: Names,
    },
    /// No column is a text.
    #[error("no column of {} looks like the input: name it with --{flag}; there are {}", path.display(), columns.join(", "))]
    NoText {
        /// The file.
        path: PathBuf,
        /// The columns, with what they hold.
        columns: Vec<String>,
        /// The flag that names it.
        flag: &'static str,
    },
    /// No column is a target.
    #[error(
        "no column of {} looks like what is to be predicted: name it with --label (one of several), --labels (any number), --target (a number) \
         or --tags (one a word); there are {}",
        path.display(),
        columns.join(", ")
    )]
    NoTarget {
        /// The file.
        path: PathBuf,
        /// The columns, with what they hold.
        columns: Vec<String>,
    },
    /// Several columns could be the target.
    #[error("several columns of {} could be what is to be predicted ({columns}): name it with --label, --labels or --target", path.display())]
    Several {
        /// The file.
        path: PathBuf,
        /// The columns.
        columns: Names,
    },
    /// Too few rows to part some for judging.
    #[error(
        "{} has {rows} rows, too few to part some of for judging: give them in a file of their own with --dev-file, or none with --dev-fraction 0",
        path.display()
    )]
    TooFew {
        /// The file.
        path: PathBuf,
        /// Its rows.
        rows: usize,
    },
    /// The rows.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file that is written.
    #[error(transparent)]
    File(#[from] FileError),
}
