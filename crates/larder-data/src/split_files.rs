//! The files of a split, as the description names them: one, a list, all whose names match a pattern, or those of a folder.

use serde::Deserialize;

/// The files of a split, as the description names them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a file, or a list of files")]
pub enum SplitFiles {
    /// A file, a pattern of names (`*` stands for any characters and `?` for one), or a folder.
    One(String),
    /// Several of them, in this order.
    Several(Vec<String>),
}

impl SplitFiles {
    /// Returns the paths and patterns, in order.
    pub(crate) fn templates(&self) -> &[String] {
        match self {
            Self::One(template) => std::slice::from_ref(template),
            Self::Several(templates) => templates,
        }
    }
}
