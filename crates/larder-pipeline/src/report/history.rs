//! The steps of a fine-tuned run, from its `history.parquet`.

use std::path::Path;

use super::Lacking;
use super::table::Table;
use crate::HISTORY_FILE;

/// Steps, all `[steps]`.
pub(super) struct Steps {
    pub(super) step: Vec<f64>,
    pub(super) loss: Vec<Option<f64>>,
    pub(super) grad_norm: Vec<Option<f64>>,
    pub(super) learning_rate: Vec<Option<f64>>,
    pub(super) head_learning_rate: Vec<Option<f64>>,
    pub(super) score: Vec<Option<f64>>,
}

/// Reads the steps of a run.
pub(super) fn read(folder: &Path) -> Lacking<Steps> {
    let table = Table::read(folder, HISTORY_FILE, "There are no curves: the run has no history.parquet.")?;
    Ok(Steps {
        step: table.integers("step")?.into_iter().map(|step| step as f64).collect(),
        loss: table.numbers("loss")?,
        grad_norm: table.numbers("grad_norm")?,
        learning_rate: table.numbers("learning_rate")?,
        head_learning_rate: table.numbers("head_learning_rate")?,
        score: table.numbers("score")?,
    })
}

impl Steps {
    /// The points of a column that has one value a step, or at some steps.
    pub(super) fn points(&self, column: &[Option<f64>]) -> Vec<(f64, f64)> {
        self.step.iter().zip(column).filter_map(|(&step, value)| Some((step, (*value)?))).collect()
    }
}
