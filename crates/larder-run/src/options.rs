//! How a run's stages work, as asked for.

use larder_data::{OnBadRow, OnIllegalTags, Task};
use larder_encode::EncodeSettings;
use larder_intake::Encoder;

use crate::HeadSettings;

/// The split a head is trained on unless another is named.
pub const TRAIN_SPLIT: &str = "train";

/// How to tokenize.
#[derive(Debug, Clone, Copy)]
pub struct TokenizeOptions {
    /// Tokens a text may have, special tokens included; `None` takes what the encoder reads.
    pub max_tokens: Option<usize>,
    /// What to do with rows that cannot be used.
    pub on_bad_row: OnBadRow,
    /// What to do with tags that their scheme forbids.
    pub on_illegal_tags: OnIllegalTags,
    /// Work even when the file is up to date.
    pub force: bool,
}

impl Default for TokenizeOptions {
    /// Stops at a bad row: losing rows in silence is worse than stopping.
    fn default() -> Self {
        Self { max_tokens: None, on_bad_row: OnBadRow::Stop, on_illegal_tags: OnIllegalTags::Refuse, force: false }
    }
}

impl TokenizeOptions {
    /// Tokens a text may have with this encoder.
    pub fn max_tokens(&self, encoder: &Encoder) -> usize {
        self.max_tokens.map_or(encoder.max_tokens(), |asked| asked.min(encoder.max_tokens()))
    }
}

/// How to encode.
#[derive(Debug, Clone, Default)]
pub struct EncodeOptions {
    /// How its tokens are made.
    pub tokenize: TokenizeOptions,
    /// Layers, poolings, precision, device.
    pub settings: EncodeSettings,
    /// Work even when the file is up to date.
    pub force: bool,
}

/// How to train a head.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// How its features are made.
    pub encode: EncodeOptions,
    /// Which head, and how it is chosen or trained.
    pub head: HeadSettings,
    /// The run's name; `None` takes the first free `<dataset>-<encoder>-<n>`.
    pub run: Option<String>,
    /// Work even when a run of these settings is there.
    pub force: bool,
}

impl TrainOptions {
    /// The head that a task has unless another is asked for, on features made as they usually are.
    pub fn of_task(task: Task) -> Self {
        Self { encode: EncodeOptions::default(), head: HeadSettings::of_task(task), run: None, force: false }
    }
}
