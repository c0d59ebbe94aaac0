//! What the report tells of a task's scores and answers.

use std::path::Path;

use crate::RunRecord;
use crate::page::{Block, Cell, FindTexts, Missing, PlaneRows};
use crate::tasks::{Evaluation, SavedAnswers};

/// One split of a run, with its answers if they are there.
#[derive(Clone, Copy)]
pub struct SplitPage<'a> {
    /// The run.
    pub record: &'a RunRecord,
    /// Its scores.
    pub evaluation: &'a Evaluation,
    /// The place of the split among those scored.
    pub at: usize,
    /// Its answers.
    pub answers: Result<&'a SavedAnswers, &'a Missing>,
    /// Finds the texts of the split.
    pub texts: &'a FindTexts<'a>,
}

/// What the report tells of a task.
pub trait TaskPage {
    /// Reads the answers of a run from its `predictions.parquet`.
    ///
    /// # Errors
    /// A sentence for the reader where they are not there, or not the run's.
    fn saved_answers(&self, folder: &Path, record: &RunRecord) -> Result<SavedAnswers, Missing>;

    /// Those columns for the split at `at`.
    fn overview_row(&self, evaluation: &Evaluation, at: usize) -> Vec<Cell>;

    /// Everything about one split.
    fn split_page(&self, page: &SplitPage<'_>) -> Vec<Block>;

    /// The rows of a split as points on a plane.
    ///
    /// # Errors
    /// A sentence for the reader where the answers are not there.
    fn plane_rows<'a>(
        &self,
        record: &RunRecord,
        split: &str,
        answers: &'a SavedAnswers,
        texts: &FindTexts<'_>,
    ) -> Result<PlaneRows<'a>, Missing>;
}

/// Why a split has no answers to show.
pub(super) fn no_answers(split: &str) -> Missing {
    Missing(format!("predictions.parquet has no answers on {split}: `larder eval RUN` writes them."))
}
