//! The errors of reading and writing Parquet artifacts.

use std::path::{Path, PathBuf};

use larder_checksums::DAMAGED;
use larder_files::FileError;
use parquet::errors::ParquetError;

/// A Parquet artifact could not be read or written. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused, or the file is damaged.
    #[error(transparent)]
    File(#[from] FileError),
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
        /// The column that the contract asks for.
        expected: String,
        /// The column found.
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
}

impl StoreError {
    /// Sorts a Parquet writer's error: the disk's own failures keep their name.
    pub(crate) fn writing(path: &Path, source: ParquetError) -> StoreError {
        match external_io(source) {
            Ok(source) => FileError::io("write", path)(source).into(),
            Err(source) => StoreError::Encode { path: path.to_path_buf(), source },
        }
    }

    /// Sorts a Parquet reader's error: bytes that differ from their checksum, or a file that is cut.
    pub fn reading(path: &Path, source: ParquetError) -> StoreError {
        let text = source.to_string();
        match text.split_once(DAMAGED) {
            Some((_, what)) => FileError::Damaged { path: path.to_path_buf(), what: what.to_owned() }.into(),
            None => StoreError::Parquet { path: path.to_path_buf(), source },
        }
    }

    /// Returns true if the file is damaged or cut short, so that making it again is all there is to do.
    pub fn is_broken_file(&self) -> bool {
        matches!(self, StoreError::Parquet { .. } | StoreError::File(FileError::Damaged { .. }))
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
