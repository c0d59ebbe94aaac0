//! The settings that every shard of a plan is made with.

use larder_data::{OnBadRow, OnIllegalTags};
use larder_encode::{Context, EncodeSettings, GraphChoice, LayerSelection};
use larder_onnx::{Pool, WordPool};
use larder_runtime::Device;
use larder_store::{FeatureDtype, Level};
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
    /// Sentences, words or tokens.
    pub level: Level,
    /// Hidden layers.
    pub layers: LayerSelection,
    /// Poolings of sentences.
    pub pools: Vec<Pool>,
    /// True if each text of a pair is read by itself.
    pub pair_features: bool,
    /// True if vectors of texts are brought to unit length.
    pub normalise: bool,
    /// The pooling of a word's tokens.
    pub word_pool: WordPool,
    /// Tokens from one window of a long sentence to the next; `None` is half a window.
    pub stride: Option<usize>,
    /// The use of neighbouring sentences as context.
    pub context: Context,
    /// Stored element type.
    pub dtype: FeatureDtype,
    /// True if special tokens are rows too.
    pub special_tokens: bool,
    /// Tokens a batch; `None` takes the device's default.
    pub batch_tokens: Option<usize>,
    /// The graph to run.
    pub graph: GraphChoice,
}

impl ShardSettings {
    /// Returns the settings of the encode stage on a worker.
    pub fn encode(&self, device: Device, threads: usize) -> EncodeSettings {
        EncodeSettings {
            level: self.level,
            layers: self.layers.clone(),
            pools: self.pools.clone(),
            pair_features: self.pair_features,
            normalise: self.normalise,
            word_pool: self.word_pool,
            stride: self.stride,
            context: self.context,
            dtype: self.dtype,
            device,
            threads,
            special_tokens: self.special_tokens,
            batch_tokens: self.batch_tokens,
            graph: self.graph,
        }
    }

    /// Takes what shards need of the settings of an encode, and the tokenize stage's.
    pub fn of(
        encode: &EncodeSettings,
        max_tokens: usize,
        long: LongTexts,
        on_bad_row: OnBadRow,
        on_illegal_tags: OnIllegalTags,
    ) -> Self {
        // No `..`: a setting that is forgotten here would not reach the workers.
        let EncodeSettings {
            level,
            layers,
            pools,
            pair_features,
            normalise,
            word_pool,
            stride,
            context,
            dtype,
            // A worker's own.
            device: _,
            threads: _,
            special_tokens,
            batch_tokens,
            graph,
        } = encode.clone();
        Self {
            max_tokens,
            long,
            on_bad_row,
            on_illegal_tags,
            level,
            layers,
            pools,
            pair_features,
            normalise,
            word_pool,
            stride,
            context,
            dtype,
            special_tokens,
            batch_tokens,
            graph,
        }
    }
}
