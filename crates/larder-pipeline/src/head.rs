//! The trained thing of a run, whatever its task.

use std::path::Path;

use larder_data::Task;
use larder_train::{LogisticHead, TaggingHead};

use crate::PipelineError;

/// A run's head.
#[derive(Debug, Clone)]
pub(crate) enum Head {
    /// One label a text.
    Sequence(LogisticHead),
    /// One tag a word.
    Tagging(TaggingHead),
}

impl Head {
    pub(crate) fn save(&self, folder: &Path) -> Result<(), PipelineError> {
        match self {
            Self::Sequence(head) => head.save(folder)?,
            Self::Tagging(head) => head.save(folder)?,
        }
        Ok(())
    }

    pub(crate) fn load(folder: &Path, task: Task) -> Result<Self, PipelineError> {
        Ok(match task {
            Task::Sequence => Self::Sequence(LogisticHead::load(folder)?),
            Task::Tagging => Self::Tagging(TaggingHead::load(folder)?),
        })
    }

    /// How many feature columns it reads, and the names of its classes.
    pub(crate) fn reads(&self) -> (usize, Vec<String>) {
        match self {
            Self::Sequence(head) => (head.columns.len(), head.classes.clone()),
            Self::Tagging(head) => (head.columns.len(), head.tags.names()),
        }
    }
}
