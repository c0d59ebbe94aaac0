//! The cost of encoding, counted as it happens.

use larder_encode::EncodeReport;
use larder_run::{Event, Observer, Stage};
use serde::Serialize;

/// The work and speed of encoding an encoder's features now. Rows are texts, words or tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct EncodingCost {
    /// Rows of all splits.
    pub rows: u64,
    /// Rows that were in the cache.
    pub cached_rows: u64,
    /// Rows encoded now; rows neither cached nor encoded are duplicates.
    pub encoded_rows: u64,
    /// Splits encoded now.
    pub encoded_splits: usize,
    /// Real tokens encoded now, special tokens included.
    pub encoded_tokens: u64,
    /// Seconds of encoding, with the file written, without loading the model.
    pub seconds: f64,
    /// Rows per second; `None` if nothing was encoded now.
    pub rows_per_second: Option<f64>,
    /// Real tokens per second; `None` if nothing was encoded now.
    pub tokens_per_second: Option<f64>,
}

impl EncodingCost {
    /// Counts a split that was up to date.
    pub(super) fn add_fresh(&mut self, rows: u64) {
        self.rows += rows;
        self.cached_rows += rows;
    }

    fn add(&mut self, report: &EncodeReport) {
        self.rows += report.rows as u64;
        self.cached_rows += (report.reused_rows + report.resumed_rows) as u64;
        if report.encoded_rows == 0 {
            return;
        }
        self.encoded_rows += report.encoded_rows as u64;
        self.encoded_tokens += report.encoded_tokens;
        self.encoded_splits += 1;
        self.seconds += report.run_seconds;
        let seconds = self.seconds.max(f64::MIN_POSITIVE);
        self.rows_per_second = Some(self.encoded_rows as f64 / seconds);
        self.tokens_per_second = Some(self.encoded_tokens as f64 / seconds);
    }
}

/// Counts what is encoded, and forwards all events.
pub(super) struct Meter<'a> {
    observer: &'a mut dyn Observer,
    /// The count so far.
    pub(super) encoding: EncodingCost,
    /// If true, features that are up to date are not reported: they were just encoded.
    pub(super) encoded: bool,
}

impl<'a> Meter<'a> {
    pub(super) fn new(observer: &'a mut dyn Observer) -> Self {
        Self { observer, encoding: EncodingCost::default(), encoded: false }
    }
}

impl Observer for Meter<'_> {
    fn event(&mut self, event: Event<'_>) {
        match &event {
            Event::Encoded { report, .. } => self.encoding.add(report),
            Event::Fresh { stage: Stage::Tokenize | Stage::Encode, .. } if self.encoded => return,
            _ => {}
        }
        self.observer.event(event);
    }

    fn asks_to_end(&self) -> bool {
        self.observer.asks_to_end()
    }
}
