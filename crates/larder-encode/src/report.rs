//! The progress and the report of an encode.

use larder_runtime::RanOn;
use larder_store::{FeatureColumnInfo, Level};
use serde::Serialize;

/// The progress of an encode. Rows (texts, words or tokens) and tokens count what is finished: run, reused or resumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows finished.
    pub rows: usize,
    /// Rows in all; of tokens an estimate that may be a little high.
    pub total_rows: usize,
    /// Real tokens, special tokens included, that went through the encoder: where windows overlap, more than once.
    pub run_tokens: u64,
    /// Real tokens of finished rows.
    pub tokens: u64,
    /// Real tokens in all.
    pub total_tokens: u64,
}

/// The report of an encode.
#[derive(Debug, Clone, Serialize)]
pub struct EncodeReport {
    /// The unit of a row.
    pub level: Level,
    /// Texts or sentences in the tokens file.
    pub sentences: usize,
    /// Inputs that went through the encoder: texts, or windows of texts and sentences.
    pub encoded_inputs: usize,
    /// Rows in the file.
    pub rows: usize,
    /// Rows that went through the encoder.
    pub encoded_rows: usize,
    /// Rows copied from the file that was replaced, or from other files of the same vectors.
    pub reused_rows: usize,
    /// Rows whose input stood in another row of this file.
    pub duplicate_rows: usize,
    /// Rows that an interrupted run had finished.
    pub resumed_rows: usize,
    /// Rows among those encoded with a text that was longer than a window, and read in several.
    pub windowed_rows: usize,
    /// Tokens that a window of a text may have; `None` where texts are not read in windows.
    pub window_tokens: Option<usize>,
    /// Real tokens, special tokens included, that went through the encoder.
    pub encoded_tokens: u64,
    /// Tokens computed, padding included.
    pub computed_tokens: u64,
    /// Wall-clock seconds, from opening the session to the finished file.
    pub seconds: f64,
    /// The same without loading the model.
    pub run_seconds: f64,
    /// The device that ran.
    pub device: RanOn,
    /// CPU threads.
    pub threads: usize,
    /// The graph that ran: see [`Engine::graph`](crate::Engine::graph).
    pub graph: &'static str,
    /// The reason if it is not the graph asked for.
    pub graph_note: Option<String>,
    /// The vector columns in the file.
    pub columns: Vec<FeatureColumnInfo>,
    /// Size of the file in bytes.
    pub file_bytes: u64,
}

impl EncodeReport {
    /// Rows that went through the encoder, a second of running.
    pub fn rows_per_second(&self) -> f64 {
        self.encoded_rows as f64 / self.run_seconds.max(f64::MIN_POSITIVE)
    }

    /// Real tokens that went through the encoder, a second of running.
    pub fn tokens_per_second(&self) -> f64 {
        self.encoded_tokens as f64 / self.run_seconds.max(f64::MIN_POSITIVE)
    }

    /// Share of computed tokens that was padding, 0 to 1.
    pub fn padding_share(&self) -> f64 {
        if self.computed_tokens == 0 { 0.0 } else { 1.0 - self.encoded_tokens as f64 / self.computed_tokens as f64 }
    }
}
