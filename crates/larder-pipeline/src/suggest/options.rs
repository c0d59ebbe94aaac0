//! What to choose from which pool.

use std::path::PathBuf;

use larder_data::OnBadRow;
use larder_predict::InputFlags;
use larder_runtime::Device;
use larder_suggest::StrategyChoice;

/// A pool, and what to choose from it.
#[derive(Debug, Clone)]
pub struct SuggestOptions {
    /// A file of texts, a features file of them, or the manifest of one.
    pub pool: PathBuf,
    /// Flags on reading texts, where they differ from the run's own files.
    pub flags: InputFlags,
    /// The handling of rows without a text: they are left out, or end the stage.
    pub on_bad_row: OnBadRow,
    /// Rows to choose.
    pub n: usize,
    /// The strategy.
    pub by: StrategyChoice,
    /// Seed of all draws.
    pub seed: u64,
    /// The device that encodes texts.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}
