//! The files of a run's splits.

use std::path::PathBuf;

use larder_intake::Encoder;
use larder_run::{Larder, RunError, RunRecord};

/// The files of a run's splits.
pub(crate) struct SplitFiles<'a> {
    pub larder: &'a Larder,
    pub record: &'a RunRecord,
    /// The feature columns that the head reads.
    pub columns: &'a [String],
    /// The features file of each evaluated split.
    pub features: &'a [(String, PathBuf)],
}

impl SplitFiles<'_> {
    /// Returns the tokens file of the training split, made with the run's original encoder; `None` if it is gone.
    pub fn train_tokens(&self) -> Result<Option<PathBuf>, RunError> {
        let RunRecord { dataset, encoder, train_split, .. } = self.record;
        let path = self.larder.home().tokens(dataset, encoder, train_split)?;
        Ok(path.is_file().then_some(path))
    }

    /// Returns the tokens file of an evaluated split; `None` if it is gone.
    pub fn tokens(&self, encoder: &Encoder, split: &str) -> Result<Option<PathBuf>, RunError> {
        let path = self.larder.home().tokens(&self.record.dataset, encoder.name(), split)?;
        Ok(path.is_file().then_some(path))
    }
}
