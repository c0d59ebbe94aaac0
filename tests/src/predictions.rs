//! A run's `predictions.parquet`, as any reader of Parquet would see it.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// The split.
    pub split: String,
    /// The example's id.
    pub example_id: String,
    /// The gold label.
    pub label: Option<String>,
    /// The answer.
    pub prediction: String,
    /// The answer's probability.
    pub probability: f32,
    /// Every label's probability, `[classes]`.
    pub probabilities: Vec<f32>,
}

/// All rows of the file.
///
/// # Panics
/// When the file cannot be read, or lacks a column of the contract.
#[track_caller]
pub fn predictions(path: &Path) -> Vec<Predicted> {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).expect("whole Parquet");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.expect("whole Parquet");
        let text = |name: &str, row: usize| {
            let column = batch[name].as_string::<i32>();
            (!column.is_null(row)).then(|| column.value(row).to_owned())
        };
        for row in 0..batch.num_rows() {
            let probabilities = batch["probabilities"].as_fixed_size_list().value(row);
            rows.push(Predicted {
                split: text("split", row).expect("split is never null"),
                example_id: text("example_id", row).expect("example_id is never null"),
                label: text("label", row),
                prediction: text("prediction", row).expect("prediction is never null"),
                probability: batch["probability"].as_primitive::<Float32Type>().value(row),
                probabilities: probabilities.as_primitive::<Float32Type>().values().to_vec(),
            });
        }
    }
    rows
}
