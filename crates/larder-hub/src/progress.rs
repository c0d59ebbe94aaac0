//! Telling how far a transfer is.

use hf_hub::api::Progress;
use larder_errors::bytes;

/// Transfers below this are told of once, in bytes: they take seconds.
const WORTH_FOLLOWING: usize = 32 << 20;

/// Tells each tenth of a large file.
pub(crate) struct DownloadProgress<'a> {
    pub say: &'a mut dyn FnMut(&str),
    pub name: &'a str,
    pub size: usize,
    pub done: usize,
    pub tenths: usize,
}

impl<'a> DownloadProgress<'a> {
    pub fn new(name: &'a str, say: &'a mut dyn FnMut(&str)) -> Self {
        Self { say, name, size: 0, done: 0, tenths: 0 }
    }
}

impl Progress for DownloadProgress<'_> {
    /// Called once before the first byte is asked for, and again when the transfer begins.
    fn init(&mut self, size: usize, _filename: &str) {
        if self.size != size {
            (self.say)(&format!("fetching {} ({})", self.name, bytes(size as u64)));
        }
        self.size = size;
        self.done = 0;
    }

    fn update(&mut self, size: usize) {
        let resumed = self.done == 0 && size > 0 && self.size > size && self.tenths == 0;
        self.done += size;
        let tenths = self.done.saturating_mul(10) / self.size.max(1);
        if self.size >= WORTH_FOLLOWING && tenths > self.tenths && !resumed {
            (self.say)(&format!("fetching {}: {} of {}", self.name, bytes(self.done as u64), bytes(self.size as u64)));
        }
        self.tenths = self.tenths.max(tenths);
    }

    fn finish(&mut self) {}
}
