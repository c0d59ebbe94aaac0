//! The `history` file of a fine-tuned run: one row a step.
//!
//! | column | type | |
//! |---|---|---|
//! | `step` | Int64 | from 1 |
//! | `epoch` | Int64 | from 0 |
//! | `loss` | Float64 | of the step's examples, before the step |
//! | `grad_norm` | Float64 | of all gradients together, before clipping |
//! | `learning_rate` | Float64 | of the encoder |
//! | `head_learning_rate` | Float64 | of the head |
//! | `seconds` | Float64 | that the step took |
//! | `tokens` | Int64 | without padding |
//! | `score` | Float64, nullable | of the evaluation after the step, where there was one |
//! | `dev_loss` | Float64, nullable | the evaluation's loss, without dropout |

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use larder_files::Provenance;
use parquet::arrow::ArrowWriter;

use crate::schema::writer_properties;
use crate::{SealedFile, StoreError};

/// One step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepRecord {
    /// The step, from 1.
    pub step: i64,
    /// The epoch, from 0.
    pub epoch: i64,
    /// The mean loss of the step's examples, before the step.
    pub loss: f64,
    /// The norm of all gradients together, before clipping.
    pub grad_norm: f64,
    /// The encoder's learning rate.
    pub learning_rate: f64,
    /// The head's learning rate.
    pub head_learning_rate: f64,
    /// The wall-clock seconds of the step.
    pub seconds: f64,
    /// Tokens without padding.
    pub tokens: i64,
    /// The score of the evaluation after the step.
    pub score: Option<f64>,
    /// The evaluation's loss, without dropout.
    pub dev_loss: Option<f64>,
}

/// Writes the steps of a run as one Parquet file, atomically.
///
/// # Errors
/// [`StoreError`] when the disk refuses.
pub fn write_history(path: &Path, steps: &[StepRecord], provenance: &Provenance) -> Result<(), StoreError> {
    let failed = |e| StoreError::writing(path, e);
    let integers =
        |of: fn(&StepRecord) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(steps.iter().map(of))) };
    let floats =
        |of: fn(&StepRecord) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(steps.iter().map(of))) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("step", integers(|step| step.step)),
        ("epoch", integers(|step| step.epoch)),
        ("loss", floats(|step| step.loss)),
        ("grad_norm", floats(|step| step.grad_norm)),
        ("learning_rate", floats(|step| step.learning_rate)),
        ("head_learning_rate", floats(|step| step.head_learning_rate)),
        ("seconds", floats(|step| step.seconds)),
        ("tokens", integers(|step| step.tokens)),
        ("score", Arc::new(steps.iter().map(|step| step.score).collect::<Float64Array>())),
        ("dev_loss", Arc::new(steps.iter().map(|step| step.dev_loss).collect::<Float64Array>())),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, values)| Field::new(*name, values.data_type().clone(), nullable(name))).collect();
    let schema = Arc::new(Schema::new(fields));
    let properties = writer_properties(Some(provenance)).build();
    let mut writer =
        ArrowWriter::try_new(SealedFile::create(path)?, schema.clone(), Some(properties)).map_err(failed)?;
    let columns = columns.into_iter().map(|(_, values)| values).collect();
    let batch = RecordBatch::try_new(schema, columns).map_err(|e| failed(e.into()))?;
    writer.write(&batch).map_err(failed)?;
    writer.into_inner().map_err(failed)?.commit()
}

/// Columns of which most steps have none.
fn nullable(name: &str) -> bool {
    matches!(name, "score" | "dev_loss")
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float64Type, Int64Type};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn steps_are_rows_and_scores_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.parquet");
        let first = StepRecord { step: 1, loss: 0.7, learning_rate: 2e-5, tokens: 99, ..Default::default() };
        let steps = [first, StepRecord { step: 2, epoch: 1, score: Some(0.25), ..first }];
        write_history(&path, &steps, &Provenance::new("finetune", 1)).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let batch = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap();
        assert_eq!(batch["step"].as_primitive::<Int64Type>().values(), &[1, 2]);
        assert_eq!(batch["epoch"].as_primitive::<Int64Type>().values(), &[0, 1]);
        assert_eq!(batch["loss"].as_primitive::<Float64Type>().values(), &[0.7, 0.7]);
        let scores = batch["score"].as_primitive::<Float64Type>();
        assert!(scores.is_null(0) && scores.value(1) == 0.25);
    }
}
