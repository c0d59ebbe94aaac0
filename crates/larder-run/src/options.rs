//! Options of a run's stages.

use larder_data::{OnBadRow, OnIllegalTags, Task};
use larder_encode::{EncodeSettings, LongTexts};
use larder_intake::Encoder;

use crate::HeadSettings;

/// The split a head is trained on unless another is named.
pub const TRAIN_SPLIT: &str = "train";

/// Options of the tokenize stage.
#[derive(Debug, Clone, Copy)]
pub struct TokenizeOptions {
    /// Tokens per text, special tokens included; `None` is the encoder's maximum.
    pub max_tokens: Option<usize>,
    /// The way in which longer texts are read.
    pub long: LongTexts,
    /// The handling of unusable rows.
    pub on_bad_row: OnBadRow,
    /// The handling of tags that their scheme forbids.
    pub on_illegal_tags: OnIllegalTags,
    /// Work even if the file is up to date.
    pub force: bool,
}

impl Default for TokenizeOptions {
    /// Stops at a bad row: losing rows silently is worse.
    fn default() -> Self {
        Self {
            max_tokens: None,
            long: LongTexts::Cut,
            on_bad_row: OnBadRow::Stop,
            on_illegal_tags: OnIllegalTags::Refuse,
            force: false,
        }
    }
}

impl TokenizeOptions {
    /// Returns the tokens per text with this encoder: what it is made for, or what was asked for, if it reads as many.
    pub fn max_tokens(&self, encoder: &Encoder) -> usize {
        self.max_tokens.map_or(encoder.max_tokens(), |asked| asked.min(encoder.longest_tokens()))
    }
}

/// Options of the encode stage.
#[derive(Debug, Clone, Default)]
pub struct EncodeOptions {
    /// Options of the tokens.
    pub tokenize: TokenizeOptions,
    /// Layers, poolings, precision, device.
    pub settings: EncodeSettings,
    /// Work even if the file is up to date.
    pub force: bool,
}

/// Options of training a head.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Options of its features.
    pub encode: EncodeOptions,
    /// The head's settings.
    pub head: HeadSettings,
    /// The run's name; `None` takes the first free `<dataset>-<encoder>-<n>`.
    pub run: Option<String>,
    /// Work even if there is a run with these settings.
    pub force: bool,
}

impl TrainOptions {
    /// Returns the task's default head on default features.
    pub fn of_task(task: Task) -> Self {
        Self { encode: EncodeOptions::default(), head: HeadSettings::of_task(task), run: None, force: false }
    }
}
