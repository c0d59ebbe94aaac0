//! Telling how far a transfer is.

use hf_hub::api::Progress;

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
            (self.say)(&format!("fetching {} ({})", self.name, bytes(size)));
        }
        self.size = size;
        self.done = 0;
    }

    fn update(&mut self, size: usize) {
        let resumed = self.done == 0 && size > 0 && self.size > size && self.tenths == 0;
        self.done += size;
        let tenths = self.done.saturating_mul(10) / self.size.max(1);
        if self.size >= WORTH_FOLLOWING && tenths > self.tenths && !resumed {
            (self.say)(&format!("fetching {}: {} of {}", self.name, bytes(self.done), bytes(self.size)));
        }
        self.tenths = self.tenths.max(tenths);
    }

    fn finish(&mut self) {}
}

/// A size as people read it.
fn bytes(size: usize) -> String {
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}
