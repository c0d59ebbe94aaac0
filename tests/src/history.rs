//! A run's `history.parquet`, as any reader of Parquet would see it.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Its columns, `[steps]` each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// From 1.
    pub steps: Vec<i64>,
    /// Training losses.
    pub losses: Vec<f64>,
    /// The encoder's learning rates.
    pub learning_rates: Vec<f64>,
    /// Tokens without padding.
    pub tokens: Vec<i64>,
    /// Scores of the evaluations, where there was one.
    pub scores: Vec<Option<f64>>,
}

impl History {
    /// The whole file.
    ///
    /// # Panics
    /// When the file cannot be read, or lacks a column of the contract.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).expect("whole Parquet");
        let mut history = Self::default();
        for batch in reader {
            let batch = batch.expect("whole Parquet");
            let integers = |name: &str| batch[name].as_primitive::<Int64Type>().values().to_vec();
            let floats = |name: &str| batch[name].as_primitive::<Float64Type>().clone();
            history.steps.extend(integers("step"));
            history.tokens.extend(integers("tokens"));
            history.losses.extend(floats("loss").values());
            history.learning_rates.extend(floats("learning_rate").values());
            history.scores.extend(floats("score").iter());
            for name in ["epoch", "grad_norm", "head_learning_rate", "seconds"] {
                assert_eq!(batch[name].null_count(), 0, "{name}");
            }
        }
        history
    }
}
