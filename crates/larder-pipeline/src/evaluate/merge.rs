//! Scores of some splits put beside those that a run has of others.

use std::path::Path;

use larder_data::{DatasetSpec, Task};
use larder_files::read_json_text;

use super::{Evaluation, METRICS_FILE, SequenceEvaluation, TaggingEvaluation};
use crate::RunRecord;

impl Evaluation {
    /// What a run's folder has; `None` where it was not evaluated, or by an earlier version.
    pub(super) fn load(folder: &Path, record: &RunRecord) -> Option<Self> {
        let text = read_json_text(&folder.join(METRICS_FILE)).ok()??;
        // By the record's task: numbers as keys cannot be read through a tag.
        match record.task() {
            Task::Sequence => serde_json::from_slice(text.as_ref()).ok().map(Self::Sequence),
            Task::Tagging => serde_json::from_slice(text.as_ref()).ok().map(Self::Tagging),
        }
    }

    /// Every split that was answered, scored or not, with the digest of its file; empty where an earlier version left it out.
    pub(crate) fn judged(&self) -> Vec<(String, String)> {
        let unscored = match self {
            Self::Sequence(evaluation) => &evaluation.unscored,
            Self::Tagging(evaluation) => &evaluation.unscored,
        };
        let unscored = unscored.iter().map(|one| (one.split.clone(), one.data_digest.clone()));
        match self {
            Self::Sequence(evaluation) => {
                let scored = evaluation.splits.iter().map(|one| (one.split.clone(), one.data_digest.clone()));
                scored.chain(unscored).collect()
            }
            Self::Tagging(evaluation) => {
                let scored = evaluation.splits.iter().map(|one| (one.split.clone(), one.data_digest.clone()));
                scored.chain(unscored).collect()
            }
        }
    }

    /// The splits for which `keep`, of their name and their file's digest, holds.
    pub(super) fn only(mut self, keep: impl Fn(&str, &str) -> bool) -> Self {
        match &mut self {
            Self::Sequence(evaluation) => {
                evaluation.splits.retain(|one| keep(&one.split, &one.data_digest));
                evaluation.unscored.retain(|one| keep(&one.split, &one.data_digest));
            }
            Self::Tagging(evaluation) => {
                evaluation.splits.retain(|one| keep(&one.split, &one.data_digest));
                evaluation.unscored.retain(|one| keep(&one.split, &one.data_digest));
            }
        }
        self
    }

    /// These splits and those of `now`, in the order of the dataset.
    pub(super) fn with(self, now: &Self, spec: &DatasetSpec) -> Self {
        let place = |split: &str| spec.split_names().position(|name| name == split).unwrap_or(usize::MAX);
        match (self, now) {
            (Self::Sequence(earlier), Self::Sequence(now)) => {
                let mut splits: Vec<_> = earlier.splits.into_iter().chain(now.splits.iter().cloned()).collect();
                let mut unscored: Vec<_> = earlier.unscored.into_iter().chain(now.unscored.iter().cloned()).collect();
                splits.sort_by_key(|one| place(&one.split));
                unscored.sort_by_key(|one| place(&one.split));
                Self::Sequence(SequenceEvaluation { splits, unscored, ..now.clone() })
            }
            (Self::Tagging(earlier), Self::Tagging(now)) => {
                let mut splits: Vec<_> = earlier.splits.into_iter().chain(now.splits.iter().cloned()).collect();
                let mut unscored: Vec<_> = earlier.unscored.into_iter().chain(now.unscored.iter().cloned()).collect();
                splits.sort_by_key(|one| place(&one.split));
                unscored.sort_by_key(|one| place(&one.split));
                Self::Tagging(TaggingEvaluation { splits, unscored, ..now.clone() })
            }
            // A run has one task.
            (_, now) => now.clone(),
        }
    }
}
