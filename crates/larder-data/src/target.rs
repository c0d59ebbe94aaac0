//! Targets: what is to be predicted of a row.

use crate::placeholder::is_placeholder;
use crate::tags::types_of;

/// The target to predict.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The label of the text; not empty.
    Label(String),
    /// The labels of the text, each once, in the order of the file; there may be none.
    Labels(Vec<String>),
    /// A number; finite.
    Number(f64),
    /// A tag for each word, a legal sequence of IOB2 whatever the scheme of the file.
    Tags(Vec<String>),
}

/// The kind of a task's targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// One label a row.
    Label,
    /// Any number of labels a row.
    Labels,
    /// One number a row.
    Number,
    /// One tag a word.
    Tags,
}

impl Target {
    /// Returns the labels that are collected from it: its labels, or the entity type of each tag that has one.
    pub(crate) fn labels(&self) -> Vec<&str> {
        match self {
            Self::Label(label) => vec![label],
            Self::Labels(labels) => labels.iter().map(String::as_str).collect(),
            Self::Number(_) => Vec::new(),
            Self::Tags(tags) => types_of(tags).collect(),
        }
    }

    /// Returns true if it stands for nothing where every row of a split has it: the placeholder of a label, no label at all,
    /// a placeholder in every place of the tags, or -1 for a number.
    pub(crate) fn is_placeholder(&self) -> bool {
        match self {
            Self::Label(label) => is_placeholder(label),
            Self::Labels(labels) => labels.iter().all(|label| is_placeholder(label)),
            Self::Number(number) => *number == -1.0,
            Self::Tags(tags) => tags.iter().all(|tag| is_placeholder(tag)),
        }
    }
}
