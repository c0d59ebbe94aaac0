//! Parquet output: all columns are copied, followed by those of the answers.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use larder_data::Record;
use larder_files::AtomicFile;
use larder_run::tasks::Answer;
use larder_store::StoreError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::AddedColumns;
use crate::PredictError;

/// Returns the rows in one batch; adjacent rows of an input batch are one slice.
fn rows_of(records: &[Record]) -> Result<RecordBatch, ArrowError> {
    let mut slices: Vec<(&Arc<RecordBatch>, usize, usize)> = Vec::new();
    for record in records {
        let Record::Cells { batch, row } = record else { unreachable!("Parquet is read as cells") };
        match slices.last_mut() {
            Some((last, start, rows)) if Arc::ptr_eq(last, batch) && *start + *rows == *row => *rows += 1,
            _ => slices.push((batch, *row, 1)),
        }
    }
    let slices: Vec<RecordBatch> = slices.into_iter().map(|(batch, start, rows)| batch.slice(start, rows)).collect();
    let schema = slices.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    concat_batches(&schema, &slices)
}

/// Writes a part: the rows with their answers.
pub(super) fn write(
    records: &[Record],
    answers: &[Option<Answer>],
    added: &AddedColumns,
    path: &Path,
) -> Result<(), PredictError> {
    let failed = |source: parquet::errors::ParquetError| StoreError::Parquet { path: path.to_path_buf(), source };
    let rows = rows_of(records).map_err(|error| failed(error.into()))?;
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    let arrays = added.arrays(answers);
    for (name, array) in added.names().into_iter().zip(arrays) {
        fields.push(Arc::new(Field::new(name, array.data_type().clone(), true)));
        columns.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|error| failed(error.into()))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(AtomicFile::create(path)?, schema, Some(properties)).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    Ok(writer.into_inner().map_err(failed)?.commit()?)
}
