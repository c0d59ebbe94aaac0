//! The `calibration` file of a run: scores of the truth on training rows that the answering fit had not seen.
//!
//! | column | type | |
//! |---|---|---|
//! | `row` | Int64 | number of the row among those of train, from 0; a row with several labels has several lines |
//! | `label` | Utf8, nullable | the true label; null where the truth is a number, or the row has no label |
//! | `score` | Float64 | 1 less the label's probability; of numbers, how far the answer was from the target |
//! | `above` | Float64, nullable | probability of all labels above it, where labels exclude each other |

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use larder_files::Provenance;
use parquet::arrow::ArrowWriter;

use crate::schema::writer_properties;
use crate::{SealedFile, StoreError};

/// Lines of the file, column by column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CalibrationColumns {
    /// Numbers of rows.
    pub row: Vec<i64>,
    /// True labels.
    pub label: Vec<Option<String>>,
    /// Scores.
    pub score: Vec<f64>,
    /// Probabilities above.
    pub above: Vec<Option<f64>>,
}

/// Writes the file atomically.
///
/// # Errors
/// [`StoreError`] when the disk refuses.
pub fn write_calibration(path: &Path, columns: CalibrationColumns, provenance: &Provenance) -> Result<(), StoreError> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("row", DataType::Int64, false),
        Field::new("label", DataType::Utf8, true),
        Field::new("score", DataType::Float64, false),
        Field::new("above", DataType::Float64, true),
    ]));
    let failed = |e| StoreError::writing(path, e);
    let properties = writer_properties(Some(provenance)).build();
    let mut writer =
        ArrowWriter::try_new(SealedFile::create(path)?, schema.clone(), Some(properties)).map_err(failed)?;
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(columns.row)),
        Arc::new(StringArray::from(columns.label)),
        Arc::new(Float64Array::from(columns.score)),
        Arc::new(Float64Array::from(columns.above)),
    ];
    let batch = RecordBatch::try_new(schema, arrays).map_err(|e| failed(e.into()))?;
    writer.write(&batch).map_err(failed)?;
    writer.into_inner().map_err(failed)?.commit()
}
