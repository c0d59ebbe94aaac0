//! The trained thing of a run, whatever its task.

use std::path::Path;

use larder_data::Task;
use larder_train::{LogisticHead, MlpHead, TaggingHead};

use crate::{HeadRecord, PipelineError};

/// A run's head.
#[derive(Debug, Clone)]
pub(crate) enum Head {
    /// One label a text.
    Sequence(LogisticHead),
    /// One label a text, by a perceptron.
    Mlp(MlpHead),
    /// One tag a word.
    Tagging(TaggingHead),
}

impl Head {
    pub(crate) fn save(&self, folder: &Path) -> Result<(), PipelineError> {
        match self {
            Self::Sequence(head) => head.save(folder)?,
            Self::Mlp(head) => head.save(folder)?,
            Self::Tagging(head) => head.save(folder)?,
        }
        Ok(())
    }

    /// Reads the kind of head that `record` describes.
    pub(crate) fn load(folder: &Path, record: &HeadRecord) -> Result<Self, PipelineError> {
        Ok(match record {
            HeadRecord::Mlp(_) => Self::Mlp(MlpHead::load(folder)?),
            _ if record.task() == Task::Tagging => Self::Tagging(TaggingHead::load(folder)?),
            _ => Self::Sequence(LogisticHead::load(folder)?),
        })
    }

    /// The feature columns it reads, in order.
    pub(crate) fn columns(&self) -> Vec<String> {
        let columns = match self {
            Self::Sequence(head) => &head.columns,
            Self::Mlp(head) => &head.columns,
            Self::Tagging(head) => &head.columns,
        };
        columns.iter().map(|column| column.name.clone()).collect()
    }

    /// How many feature columns it reads, and the names of its classes.
    pub(crate) fn reads(&self) -> (usize, Vec<String>) {
        match self {
            Self::Sequence(head) => (head.columns.len(), head.classes.clone()),
            Self::Mlp(head) => (head.columns.len(), head.classes.clone()),
            Self::Tagging(head) => (head.columns.len(), head.tags.names()),
        }
    }
}
