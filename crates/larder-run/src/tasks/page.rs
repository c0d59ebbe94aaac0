//! A task's part of the report: scores and answers.

use std::path::Path;

use crate::RunRecord;
use crate::page::{Block, Cell, FindTexts, Missing, PlaneRows};
use crate::tasks::{AnsweredRows, Evaluation, SavedAnswers};

/// One split of a run, with its answers if they can be read.
#[derive(Clone, Copy)]
pub struct SplitPage<'a> {
    /// The run.
    pub record: &'a RunRecord,
    /// Its scores.
    pub evaluation: &'a Evaluation,
    /// Index of the split among those scored.
    pub at: usize,
    /// Its answers.
    pub answers: Result<&'a SavedAnswers, &'a Missing>,
    /// Finds the texts of the split.
    pub texts: &'a FindTexts<'a>,
}

/// A task's part of the report.
pub trait TaskPage {
    /// Reads a run's answers from its `predictions.parquet`.
    ///
    /// # Errors
    /// A sentence for the reader if they are missing, or not the run's.
    fn saved_answers(&self, folder: &Path, record: &RunRecord) -> Result<SavedAnswers, Missing>;

    /// Returns the overview's cells for split number `at`.
    fn overview_row(&self, evaluation: &Evaluation, at: usize) -> Vec<Cell>;

    /// Returns the page of one split.
    fn split_page(&self, page: &SplitPage<'_>) -> Vec<Block>;

    /// Returns the example ids of a split and its answers, for comparing two runs; `None` if there are none.
    fn answered_rows(&self, answers: &SavedAnswers, split: &str) -> Option<(Vec<String>, AnsweredRows)>;

    /// Returns the rows of a split as points on a plane.
    ///
    /// # Errors
    /// A sentence for the reader if the answers are missing.
    fn plane_rows<'a>(
        &self,
        record: &RunRecord,
        split: &str,
        answers: &'a SavedAnswers,
        texts: &FindTexts<'_>,
    ) -> Result<PlaneRows<'a>, Missing>;
}

/// Most rows of a split in a table that is browsed.
pub(super) const BROWSED: usize = 200;

/// Returns a sentence about the rows of so many that are not in the table; nothing if all are.
pub(super) fn left_out(rows: usize) -> String {
    match rows > BROWSED {
        true => format!(" {BROWSED} are in this table, all of them in predictions.parquet."),
        false => String::new(),
    }
}

/// Returns the message that a split has no answers.
pub(super) fn no_answers(split: &str) -> Missing {
    Missing(format!("predictions.parquet has no answers on {split}: `larder eval RUN` writes them."))
}
