//! The numbers of a probe run, as `encoder.json` records them.

use serde::{Deserialize, Serialize};

use super::pooled::PooledRecord;

/// What the probe run measured. Deviations are largest absolute differences, relative to the root mean square of the
/// output they are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Texts read.
    pub texts: usize,
    /// Their tokens, special ones included.
    pub tokens: usize,
    /// How many of them were the unknown token.
    pub unknown_tokens: usize,
    /// The longest text read, in tokens.
    pub longest_read: usize,
    /// Root mean square of the token output.
    pub scale: f64,
    /// The largest difference between the mean vectors of two texts.
    pub spread: f64,
    /// What a batch of texts of one length changes about each of them.
    pub batch_deviation: f64,
    /// What padding changes about the real tokens, and about pooled outputs; of a model with a fixed length, what
    /// another token to fill it with changes. `None` when it makes them NaN or infinite.
    pub padding_deviation: Option<f64>,
    /// Deviations up to this are rounding.
    pub tolerance: f64,
    /// Each pooled output, in the model's order.
    pub pooled: Vec<PooledRecord>,
}
