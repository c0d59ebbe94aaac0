//! Opening Parquet files.

use std::io::ErrorKind;
use std::path::Path;

use larder_checksums::{CheckedFile, read_metadata};
use larder_files::FileError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::StoreError;

/// Opens a Parquet file, larder's own or another, and compares its checksums where it has some: those of the footer now,
/// those of the rest where it is read.
///
/// # Errors
/// [`FileError::Io`], [`FileError::Damaged`].
pub fn open_checked(path: &Path) -> Result<CheckedFile, StoreError> {
    let file = larder_files::open(path).map_err(FileError::io("open", path))?;
    CheckedFile::new(file).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => StoreError::reading(path, error.into()),
        _ => FileError::io("read", path)(error).into(),
    })
}

pub(crate) fn open_metadata(path: &Path) -> Result<(CheckedFile, ParquetMetaData), StoreError> {
    let file = open_checked(path)?;
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = read_metadata(&file, reader)
        .and_then(|metadata| file.expect_checksums(&metadata).map(|()| metadata))
        .map_err(|e| StoreError::reading(path, e))?;
    Ok((file, metadata))
}
