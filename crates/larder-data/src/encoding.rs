//! Encodings of text files that are not UTF-8.

use std::fmt;

use encoding_rs::Encoding;
use serde::{Deserialize, Deserializer};

/// An encoding, by one of the names that the WHATWG lists: `windows-1252` (also called `latin1`), `utf-16le`, `shift_jis`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(&'static Encoding);

impl TextEncoding {
    /// Returns the encoding of a name; `None` for a name of none.
    pub fn of_name(name: &str) -> Option<Self> {
        Encoding::for_label(name.as_bytes()).map(Self)
    }

    pub(crate) fn is_utf8(self) -> bool {
        self.0 == encoding_rs::UTF_8
    }

    pub(crate) fn encoding(self) -> &'static Encoding {
        self.0
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.name().to_ascii_lowercase())
    }
}

impl<'de> Deserialize<'de> for TextEncoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::of_name(&name).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "unknown encoding `{name}`; for example `windows-1252` (which reads latin1), `utf-16le`, `gb18030`, `shift_jis`"
            ))
        })
    }
}
