//! The head that answers a pool.

use larder_run::{Head, Larder, RunError, RunRecord, tasks};
use larder_train::{SequenceHead, Standardiser};

use crate::PipelineError;

/// A run's head, with what distances are measured in.
pub(super) struct Classifier {
    pub head: Box<dyn SequenceHead>,
    pub columns: Vec<String>,
    pub standardiser: Standardiser,
}

impl Classifier {
    /// # Errors
    /// [`PipelineError::NoSuggestions`] for a run whose texts do not have one label each.
    pub fn load(larder: &Larder, record: &RunRecord) -> Result<Self, PipelineError> {
        if !tasks::of(record.task()).facts().targets_are_labels {
            return Err(PipelineError::NoSuggestions { run: record.run.clone(), task: record.task() });
        }
        let head = record.load_head(larder)?;
        let columns = head.column_names();
        let standardiser = match &head {
            Head::Logistic(head) => head.standardiser.clone(),
            Head::Mlp(head) => head.standardiser.clone(),
            Head::Similarity(head) => head.standardiser.clone(),
            other => Standardiser::identity(other.columns().iter().map(|column| column.width).sum()),
        };
        let broken = || RunError::BrokenRun { run: record.run.clone() };
        Ok(Self { head: head.into_classifier().ok_or_else(broken)?, columns, standardiser })
    }
}
