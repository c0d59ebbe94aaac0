//! The row groups of a Parquet file: their rows, and where their bytes are.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use larder_checksums::{CheckedFile, read_metadata};
use parquet::file::metadata::ParquetMetaDataReader;

use crate::error::DataError;

/// The row groups of a Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetGroups {
    /// In the order of the file.
    pub groups: Vec<ParquetGroup>,
    /// The first byte behind the row groups: from there to the end are indexes, checksums and the footer.
    pub tail_byte: u64,
}

/// One row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetGroup {
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: Range<u64>,
}

impl ParquetGroups {
    /// Reads the footer of the file at `path`.
    ///
    /// # Errors
    /// [`DataError::Open`], [`DataError::Parquet`].
    pub fn of(path: &Path) -> Result<Self, DataError> {
        let file = larder_files::open(path).map_err(|source| DataError::Open { path: path.to_owned(), source })?;
        Self::of_file(path, file)
    }

    fn of_file(path: &Path, file: File) -> Result<Self, DataError> {
        let damaged = |source| DataError::Parquet { path: path.to_owned(), source };
        let file = CheckedFile::new(file).map_err(|error| damaged(error.into()))?;
        let metadata = read_metadata(&file, ParquetMetaDataReader::new()).map_err(damaged)?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let groups: Vec<ParquetGroup> = metadata
            .row_groups()
            .iter()
            .map(|group| {
                let ranges = || group.columns().iter().map(|column| column.byte_range());
                let start = ranges().map(|(start, _)| start).min().unwrap_or(0);
                let end = ranges().map(|(start, length)| start + length).max().unwrap_or(start);
                ParquetGroup { rows: count(group.num_rows()), bytes: start..end }
            })
            .collect();
        let tail_byte = groups.iter().map(|group| group.bytes.end).max().unwrap_or(0);
        Ok(Self { groups, tail_byte })
    }

    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        self.groups.iter().map(|group| group.rows).sum()
    }
}
