//! Rows chosen from a pool, with reasons.

use larder_suggest::Nearest;
use serde::Serialize;
use serde_json::{Map, Value};

/// Rows chosen from a pool.
#[derive(Debug, Clone, Serialize)]
pub struct SuggestOutcome {
    /// The run.
    pub run: String,
    /// The strategy taken.
    pub strategy: String,
    /// Why it was taken, where it was not named.
    pub why: Option<String>,
    /// Rows of the pool.
    pub pool_rows: usize,
    /// Rows left out because an equal one is before them.
    pub duplicates: usize,
    /// Rows left out because an equal one is in the training split.
    pub in_training: usize,
    /// Rows that the strategy compared with each other.
    pub candidates: usize,
    /// The run's labels, in the order of the probabilities.
    pub labels: Vec<String>,
    /// The rows, the one to label first in front.
    pub rows: Vec<SuggestedRow>,
}

/// A row worth a label.
#[derive(Debug, Clone, Serialize)]
pub struct SuggestedRow {
    /// Zero-based row of the pool.
    pub row: usize,
    /// The id of a row of a features file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The text, where the pool has texts.
    pub text: Option<String>,
    /// The second text of a pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_b: Option<String>,
    /// The label that the run answers.
    pub prediction: String,
    /// The probability of each label.
    pub probabilities: Map<String, Value>,
    /// The difference of the two largest.
    pub margin: f32,
    /// Their entropy, as a share of the largest there can be.
    pub entropy: f32,
    /// The nearest row of the pool among those before this one.
    pub nearest_chosen: Option<Nearest>,
    /// The nearest row of the training split.
    pub nearest_labelled: Option<Nearest>,
    /// The reason in words.
    pub reason: String,
}
