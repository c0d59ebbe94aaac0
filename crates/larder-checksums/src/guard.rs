//! Parquet's reader on files that nobody vouches for.
//!
//! The `parquet` crate takes some numbers of a file for granted, and panics where they are wrong. A file is data: whatever is in
//! it, reading it ends in an error that can be told.

use larder_errors::catch_panic;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::ChunkReader;

use crate::counts;
use crate::seal::TAIL;

/// Runs a part of Parquet's reader; a panic in it becomes an error.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_panic(work)
        .unwrap_or_else(|problem| Err(ParquetError::General(format!("the file contradicts itself: {problem}"))))
}

/// Reads the footer of a file, and checks that what it says of the file can be true.
///
/// # Errors
/// [`ParquetError`], also where the footer places a column outside of the file, or counts less than nothing.
pub fn read_footer<T: ChunkReader>(file: &T, options: ArrowReaderOptions) -> Result<ArrowReaderMetadata> {
    check_counts(file)?;
    let metadata = guarded(|| ArrowReaderMetadata::load(file, options))?;
    check_footer(metadata.metadata(), file.len())?;
    Ok(metadata)
}

/// Reads the footer of a file as [`read_footer`] does, to choose columns and rows.
///
/// # Errors
/// As [`read_footer`].
pub fn rows_of<T: ChunkReader + 'static>(file: T) -> Result<ParquetRecordBatchReaderBuilder<T>> {
    let metadata = read_footer(&file, ArrowReaderOptions::new())?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata))
}

/// Reads the footer of a file with `reader`, as [`read_footer`] does.
///
/// # Errors
/// As [`read_footer`].
pub fn read_metadata<T: ChunkReader>(file: &T, reader: ParquetMetaDataReader) -> Result<ParquetMetaData> {
    check_counts(file)?;
    let metadata = guarded(|| reader.parse_and_finish(file))?;
    check_footer(&metadata, file.len())?;
    Ok(metadata)
}

/// Checks the counts in the footer of a file, if it ends with one.
fn check_counts<T: ChunkReader>(file: &T) -> Result<()> {
    let Some(tail) = file.len().checked_sub(TAIL) else { return Ok(()) };
    let end = file.get_bytes(tail, 8)?;
    let footer = end.first_chunk().map_or(0, |&length| u32::from_le_bytes(length));
    match tail.checked_sub(u64::from(footer)) {
        Some(start) if end.ends_with(b"PAR1") => {
            let footer = file.get_bytes(start, usize::try_from(footer).unwrap_or(usize::MAX))?;
            counts::check(&footer).map_err(ParquetError::General)
        }
        _ => Ok(()),
    }
}

/// Checks that what a footer says of a file of `length` bytes can be true.
fn check_footer(metadata: &ParquetMetaData, length: u64) -> Result<()> {
    let wrong = |what: String| Err(ParquetError::General(what));
    let mut rows = 0_i64;
    for (at, group) in metadata.row_groups().iter().enumerate() {
        if group.num_rows() < 0 {
            return wrong(format!("row group {at} has {} rows, says the footer", group.num_rows()));
        }
        rows = rows.saturating_add(group.num_rows());
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let bytes = column.compressed_size();
            let end = start.checked_add(bytes).and_then(|end| u64::try_from(end).ok());
            if start < 0 || bytes < 0 || column.num_values() < 0 || end.is_none_or(|end| end > length) {
                return wrong(format!(
                    "column {} of row group {at} has {} values in {bytes} bytes from byte {start} on, says the footer, and the \
                     file has {length} bytes",
                    column.column_path(),
                    column.num_values()
                ));
            }
        }
    }
    let said = metadata.file_metadata().num_rows();
    if said != rows {
        return wrong(format!("the file has {said} rows, says the footer, and its row groups have {rows}"));
    }
    Ok(())
}

/// Reads batches of rows; whatever is wrong with a file is an error, after which there is no further batch.
pub struct Batches(Option<ParquetRecordBatchReader>);

impl Batches {
    /// Starts to read as `builder` says.
    ///
    /// # Errors
    /// [`ParquetError`].
    pub fn of<T: ChunkReader + 'static>(builder: ParquetRecordBatchReaderBuilder<T>) -> Result<Self> {
        guarded(|| builder.build()).map(|reader| Self(Some(reader)))
    }
}

impl Iterator for Batches {
    type Item = <ParquetRecordBatchReader as Iterator>::Item;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.0.take()?;
        // Errors go through `guarded` as they are, in a layer of their own.
        let next = guarded(|| Ok(reader.next()));
        if let Ok(Some(Ok(_))) = next {
            self.0 = Some(reader);
        }
        next.unwrap_or_else(|panic| Some(Err(panic.into())))
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("is_done", &self.0.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, RowGroupMetaData};
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    use super::*;

    /// The footer of a file with a row group of one column.
    fn footer(file_rows: i64, rows: i64, start: i64, bytes: i64, values: i64) -> ParquetMetaData {
        let schema = parse_message_type("message m { required int32 a; }").unwrap();
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
        let column = ColumnChunkMetaData::builder(schema.column(0))
            .set_data_page_offset(start)
            .set_total_compressed_size(bytes)
            .set_num_values(values);
        let group = RowGroupMetaData::builder(schema.clone())
            .set_num_rows(rows)
            .set_column_metadata(vec![column.build().unwrap()])
            .build()
            .unwrap();
        ParquetMetaData::new(FileMetaData::new(2, file_rows, None, None, schema, None), vec![group])
    }

    #[test]
    fn footers_that_cannot_be_true_are_errors() {
        check_footer(&footer(3, 3, 4, 60, 3), 100).unwrap();
        for (footer, expected) in [
            (footer(3, 3, -1, 60, 3), "60 bytes from byte -1 on"),
            (footer(3, 3, 4, -60, 3), "in -60 bytes"),
            (footer(3, 3, 4, 60, -3), "-3 values"),
            (footer(3, 3, 50, 60, 3), "the file has 100 bytes"),
            (footer(3, 3, i64::MAX, i64::MAX, 3), "column \"a\" of row group 0"),
            (footer(-3, -3, 4, 60, 3), "row group 0 has -3 rows"),
            (footer(1 << 60, 3, 4, 60, 3), "the file has 1152921504606846976 rows"),
        ] {
            let error = check_footer(&footer, 100).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        let panics = || -> Result<()> { panic!("column start and length should not be negative") };
        let error = guarded(panics).unwrap_err().to_string();
        assert!(error.contains("the file contradicts itself: column start"), "{error}");
        assert_eq!(guarded(|| Ok(3)).unwrap(), 3);
    }
}
