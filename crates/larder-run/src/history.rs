//! The steps of a fine-tuned run: `history.parquet`.

use std::path::Path;

use crate::columns::ParquetColumns;
use crate::page::Missing;

/// The steps of a run, in its folder.
pub const HISTORY_FILE: &str = "history.parquet";

/// The columns of the history, each `[steps]`.
pub(crate) struct History {
    step: Vec<f64>,
    pub(crate) loss: Vec<Option<f64>>,
    pub(crate) grad_norm: Vec<Option<f64>>,
    pub(crate) learning_rate: Vec<Option<f64>>,
    pub(crate) head_learning_rate: Vec<Option<f64>>,
    pub(crate) score: Vec<Option<f64>>,
}

impl History {
    /// Reads the steps of the run in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, Missing> {
        let columns =
            ParquetColumns::read(folder, HISTORY_FILE, "There are no curves: the run has no history.parquet.")?;
        Ok(Self {
            step: columns.integers("step")?.into_iter().map(|step| step as f64).collect(),
            loss: columns.numbers("loss")?,
            grad_norm: columns.numbers("grad_norm")?,
            learning_rate: columns.numbers("learning_rate")?,
            head_learning_rate: columns.numbers("head_learning_rate")?,
            score: columns.numbers("score")?,
        })
    }

    /// Returns the points of a column, at the steps where it has a value.
    pub(crate) fn points(&self, column: &[Option<f64>]) -> Vec<(f64, f64)> {
        self.step.iter().zip(column).filter_map(|(&step, value)| Some((step, (*value)?))).collect()
    }
}
