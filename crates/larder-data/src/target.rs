//! Targets: what is to be predicted of a row, each kind with its column in files.

use crate::column_ref::ColumnRef;
use crate::labels::types_of;
use crate::placeholder::is_placeholder;
use crate::spec::Columns;

/// The target to predict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The label of the text; not empty.
    Label(String),
    /// A tag for each word, a legal sequence of IOB2 whatever the scheme of the file.
    Tags(Vec<String>),
}

impl Target {
    /// Returns the labels that are collected from it: the label, or the entity type of each tag that has one.
    pub(crate) fn labels(&self) -> Vec<&str> {
        match self {
            Self::Label(label) => vec![label],
            Self::Tags(tags) => types_of(tags).collect(),
        }
    }

    /// Returns true if it stands for nothing: the placeholder of a label, or one in every place of the tags.
    pub(crate) fn is_placeholder(&self) -> bool {
        match self {
            Self::Label(label) => is_placeholder(label),
            Self::Tags(tags) => tags.iter().all(|tag| is_placeholder(tag)),
        }
    }
}

/// The column of the targets: its key in `[columns]`, itself, and the target that a cell makes.
#[derive(Clone, Copy)]
pub(crate) enum TargetColumn<'a> {
    /// Each cell is a text.
    Text(&'static str, &'a ColumnRef, fn(String) -> Target),
    /// Each cell is a list of texts.
    List(&'static str, &'a ColumnRef, fn(Vec<String>) -> Target),
}

impl Columns {
    /// Returns the column of the targets; `None` if none is named.
    pub(crate) fn target(&self) -> Option<TargetColumn<'_>> {
        let tags = self.tags.as_ref().map(|column| TargetColumn::List("tags", column, Target::Tags));
        tags.or_else(|| self.label.as_ref().map(|column| TargetColumn::Text("label", column, Target::Label)))
    }
}
