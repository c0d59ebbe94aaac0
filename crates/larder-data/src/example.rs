//! One row of a dataset, whatever file it came from.

use std::path::Path;
use std::sync::Arc;

use crate::target::Target;

/// One row: its identity, what the encoder reads, and what is to be predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The `id` column, or the zero-based number of the row in its split. Bad rows are numbered too, so that the policy
    /// for them changes no id; header, blank lines and comments are not rows.
    pub id: String,
    /// One-based line the row starts on (Parquet: the one-based row).
    pub line: u64,
    /// The file it is from, where the split has several.
    pub file: Option<Arc<Path>>,
    /// The document it is from: how many `-DOCSTART-` lines of a CoNLL split precede it. 0 in other formats.
    pub document: u64,
    /// The input of the encoder.
    pub content: Content,
    /// The target to predict; `None` if the description names no label or tags column.
    pub target: Option<Target>,
}

/// The input of the encoder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// A text, or a pair of texts. Neither is blank.
    Text {
        /// The (first) text.
        text: String,
        /// The second text of a pair.
        text_b: Option<String>,
    },
    /// The words of a sentence; at least one, none of them empty.
    Words(Vec<String>),
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text { text, text_b: None }
    }
}

impl Content {
    /// Returns the texts, each as content of its own: two of a pair.
    pub fn texts_alone(&self) -> Vec<Self> {
        match self {
            Self::Text { text, text_b: Some(text_b) } => {
                [text, text_b].map(|text| Self::Text { text: text.clone(), text_b: None }).to_vec()
            }
            _ => vec![self.clone()],
        }
    }

    /// Returns the same with `prompt` in front of a text, and of each of a pair; words stay as they are.
    #[must_use]
    pub fn behind(&self, prompt: &str) -> Self {
        match self {
            Self::Text { text, text_b } => Self::Text {
                text: format!("{prompt}{text}"),
                text_b: text_b.as_ref().map(|text_b| format!("{prompt}{text_b}")),
            },
            Self::Words(_) => self.clone(),
        }
    }
}
