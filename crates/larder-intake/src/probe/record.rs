//! The numbers of a probe run, as `encoder.json` records them.

use serde::{Deserialize, Serialize};

use super::pooled::PooledRecord;

/// Measurements of the probe run. A deviation is the largest absolute difference of an output, relative to the root mean
/// square of that output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Texts read.
    pub texts: usize,
    /// Their tokens, special ones included.
    pub tokens: usize,
    /// The number of unknown tokens among them.
    pub unknown_tokens: usize,
    /// The longest text read, in tokens.
    pub longest_read: usize,
    /// Root mean square of the token output.
    pub scale: f64,
    /// The largest difference between the mean vectors of two texts.
    pub spread: f64,
    /// The deviation of texts run in a batch of equal lengths from each run alone.
    pub batch_deviation: f64,
    /// The deviation that padding causes in real tokens and pooled outputs; for a model of fixed length, the
    /// deviation that another padding token causes. `None` if it is NaN or infinite, which JSON cannot hold.
    pub padding_deviation: Option<f64>,
    /// Deviations up to this are rounding.
    pub tolerance: f64,
    /// Each pooled output, in the model's order.
    pub pooled: Vec<PooledRecord>,
}
