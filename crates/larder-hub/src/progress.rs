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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a file of `size` bytes that comes in these pieces.
    fn said(size: usize, pieces: &[usize]) -> Vec<String> {
        let mut said = Vec::new();
        let mut say = |line: &str| said.push(line.to_owned());
        let mut progress = DownloadProgress::new("model.onnx", &mut say);
        // Before the first byte is asked for, and when the transfer begins.
        progress.init(size, "ignored");
        progress.init(size, "ignored");
        pieces.iter().for_each(|&piece| progress.update(piece));
        progress.finish();
        said
    }

    #[test]
    fn a_large_file_is_told_of_once_a_tenth_and_a_small_one_once() {
        assert_eq!(said(1000, &[100; 10]).len(), 1);
        let large = said(100 << 20, &[1 << 20; 100]);
        assert_eq!(large.len(), 11, "{large:#?}");
        assert!(large[0].starts_with("fetching model.onnx ("), "{large:#?}");
        assert!(large[10].ends_with(&format!("{0} of {0}", bytes(100 << 20))), "{large:#?}");
    }

    #[test]
    fn what_was_there_before_is_no_news_and_no_size_is_no_harm() {
        let resumed = said(100 << 20, &[55 << 20, 1 << 20, 10 << 20]);
        assert_eq!(resumed.len(), 2, "{resumed:#?}");
        assert!(resumed[1].contains(&bytes(66 << 20)), "{resumed:#?}");
        assert_eq!(said(0, &[0, 5]).len(), 0);
    }
}
