//! Why reading or writing an artifact failed.

use std::path::{Path, PathBuf};

use larder_checksums::DAMAGED;
use parquet::errors::ParquetError;

/// An artifact could not be read or written. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused a read or a write.
    #[error("cannot {action} {}: {}", path.display(), io_hint(source))]
    Io {
        /// What was being done: `open`, `write`, `rename`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not Parquet, or only part of it is there.
    #[error(
        "{} is not a whole Parquet file (cut short, or made by something else); delete it and run its stage again",
        path.display()
    )]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The Parquet reader's reason.
        #[source]
        source: ParquetError,
    },
    /// The file differs from its checksums.
    #[error(
        "{} is damaged: {what}; delete it and run its stage again (`--force` where the command has it), or take a copy from elsewhere",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, or in what.
        what: String,
    },
    /// Encoding rows as Arrow or Parquet failed.
    #[error("cannot encode rows for {}", path.display())]
    Encode {
        /// The file that was being written.
        path: PathBuf,
        /// The writer's reason.
        #[source]
        source: ParquetError,
    },
    /// A column is missing or has another type than the contract says.
    #[error("{}: column `{column}` {found}; expected {expected}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// What the contract asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Rows were asked for that the file does not have.
    #[error(
        "{}: rows {first} to {end} were asked for; there are {rows} (is the file another than was counted?)",
        path.display()
    )]
    Range {
        /// The file.
        path: PathBuf,
        /// The first row asked for.
        first: usize,
        /// The row behind the last one asked for.
        end: usize,
        /// Rows in the file.
        rows: usize,
    },
    /// A JSON artifact does not parse.
    #[error("{} is not the JSON that larder writes there; delete it and run its stage again", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// A name that would leave its folder or cannot be a file's name.
    #[error("the {what} name `{name}` cannot be a folder's name: use letters, digits, `-`, `_` and `.`")]
    Name {
        /// What the name is for: `encoder`, `dataset`, `run`.
        what: &'static str,
        /// The name given.
        name: String,
    },
    /// Another process holds the folder.
    #[error("another larder process is working in {}; wait for it to end", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
}

impl StoreError {
    /// What makes an error of the system name what failed, and on which path.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + use<> {
        let path = path.to_path_buf();
        move |source| StoreError::Io { action, path, source }
    }

    /// Sorts a Parquet writer's error: the disk's own failures keep their name.
    pub(crate) fn writing(path: &Path, source: ParquetError) -> StoreError {
        match external_io(source) {
            Ok(source) => StoreError::Io { action: "write", path: path.to_path_buf(), source },
            Err(source) => StoreError::Encode { path: path.to_path_buf(), source },
        }
    }

    /// Sorts a Parquet reader's error: bytes that differ from their checksum, or a file that is cut.
    pub fn reading(path: &Path, source: ParquetError) -> StoreError {
        let text = source.to_string();
        match text.split_once(DAMAGED) {
            Some((_, what)) => StoreError::Damaged { path: path.to_path_buf(), what: what.to_owned() },
            None => StoreError::Parquet { path: path.to_path_buf(), source },
        }
    }

    /// Whether the file is there and cannot be used, so that making it again is all there is to do.
    pub fn is_broken_file(&self) -> bool {
        matches!(self, StoreError::Parquet { .. } | StoreError::Damaged { .. })
    }
}

/// The disk error inside a Parquet error, when there is one.
fn external_io(error: ParquetError) -> Result<std::io::Error, ParquetError> {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => Ok(*io),
            Err(inner) => Err(ParquetError::External(inner)),
        },
        other => Err(other),
    }
}

/// The reason, with what to do about it where that is not obvious.
fn io_hint(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("{error}; free some space (or point --home at a larger disk) and run it again: nothing was lost")
        }
        _ => error.to_string(),
    }
}
