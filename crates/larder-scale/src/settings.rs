//! The settings that every shard of a plan is made with.

use larder_data::{OnBadRow, OnIllegalTags};
use larder_encode::EncodeSettings;
use larder_runtime::Device;
use larder_tokens::LongTexts;
use serde::{Deserialize, Serialize};

/// All settings of the stages tokenize and encode but those of a worker: its device and threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardSettings {
    /// Tokens a text (tagging: a window) may have, special tokens included.
    pub max_tokens: usize,
    /// The way in which longer texts are read.
    pub long: LongTexts,
    /// The handling of unusable rows.
    pub on_bad_row: OnBadRow,
    /// The handling of tags that their scheme forbids.
    pub on_illegal_tags: OnIllegalTags,
    /// The settings of the encode stage; device and threads are not in the plan.
    #[serde(flatten)]
    pub encode: EncodeSettings,
}

impl ShardSettings {
    /// Returns the settings of the encode stage on a worker.
    pub fn on(&self, device: Device, threads: usize) -> EncodeSettings {
        EncodeSettings { device, threads, ..self.encode.clone() }
    }
}
