//! The beginning of a text file, as text.

use std::io::Read;
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::DescribeError;

/// Bytes that are looked at.
const BYTES: u64 = 8 << 20;

/// The beginning of a file.
pub(super) struct Beginning {
    pub text: String,
    /// True if that is all of it.
    pub whole: bool,
    /// The encoding, where it is not UTF-8.
    pub encoding: Option<String>,
}

impl Beginning {
    /// Reads it. A file that is no UTF-8 is taken for UTF-16 where it says so, else for Windows-1252, in which every byte means something.
    pub fn of(path: &Path) -> Result<Self, DescribeError> {
        let failed = |source| DescribeError::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let mut stream = larder_data::open_decompressed(path).map_err(failed)?.take(BYTES + 1);
        stream.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.len() as u64 <= BYTES;
        bytes.truncate(BYTES as usize);
        let encoding =
            Encoding::for_bom(&bytes).map(|(encoding, _)| encoding).unwrap_or(match std::str::from_utf8(&bytes) {
                Ok(_) => UTF_8,
                // A character that was cut.
                Err(error) if error.error_len().is_none() => UTF_8,
                Err(_) => WINDOWS_1252,
            });
        let text = encoding.decode_with_bom_removal(&bytes).0.into_owned();
        let encoding = (encoding != UTF_8).then(|| encoding.name().to_ascii_lowercase());
        Ok(Self { text, whole, encoding })
    }
}
