//! The tasks, and what each means for the files of a dataset. What a task means for a run is in the crate `larder-run`.

use larder_errors::spelled_enum;

use crate::choice::Format;
use crate::target::TargetKind;

spelled_enum! {
    /// The prediction task.
    pub enum Task {
        /// One label for a text, or for a pair of texts.
        Sequence = "sequence",
        /// One tag for every word.
        Tagging = "tagging",
        /// Any number of labels for a text, or for a pair of texts.
        Multilabel = "multilabel",
        /// A number for a text, or for a pair of texts.
        Regression = "regression",
    } any case else "unknown task `{found}` ({hint})"
}

/// The contents of the files of a task's datasets.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskFiles {
    /// The key of `[columns]` without which nothing can be read: `text` or `words`.
    pub input: &'static str,
    /// The key of `[columns]` for what is to be predicted.
    pub target: &'static str,
    /// All keys of `[columns]`, in words.
    pub columns: &'static str,
    /// Keys of `[columns]` that belong to other tasks.
    pub foreign_columns: &'static [&'static str],
    /// Formats its files may have.
    pub formats: &'static [Format],
    /// The kind of the targets.
    pub kind: TargetKind,
    /// True if rows are lists of words, false if they are texts.
    pub has_words: bool,
    /// True if targets are tags in a scheme, whose labels are entity types.
    pub has_tags: bool,
}

/// Formats that can hold texts.
const TEXT_FORMATS: &[Format] = &[Format::Tsv, Format::Csv, Format::Jsonl, Format::Parquet];

impl Task {
    /// Returns the contents of the files of its datasets.
    pub fn files(self) -> &'static TaskFiles {
        match self {
            Self::Sequence => &TaskFiles {
                input: "text",
                target: "label",
                columns: "a sequence has `text`, `text_b`, `label` and `id`",
                foreign_columns: &["words", "tags", "spans", "sentence", "labels", "target"],
                kind: TargetKind::Label,
                formats: TEXT_FORMATS,
                has_words: false,
                has_tags: false,
            },
            Self::Tagging => &TaskFiles {
                input: "words",
                target: "tags",
                columns: "tagging has `words`, `tags` and `id`, in jsonl also `text` with `spans`, in csv and tsv `sentence`",
                foreign_columns: &["text_b", "label", "labels", "target"],
                kind: TargetKind::Tags,
                formats: &[Format::Conll, Format::Jsonl, Format::Parquet],
                has_words: true,
                has_tags: true,
            },
            Self::Multilabel => &TaskFiles {
                input: "text",
                target: "labels",
                columns: "multilabel has `text`, `text_b`, `labels`, `label_separator` and `id`",
                foreign_columns: &["words", "tags", "spans", "sentence", "label", "target"],
                kind: TargetKind::Labels,
                formats: TEXT_FORMATS,
                has_words: false,
                has_tags: false,
            },
            Self::Regression => &TaskFiles {
                input: "text",
                target: "target",
                columns: "regression has `text`, `text_b`, `target` and `id`",
                foreign_columns: &["words", "tags", "spans", "sentence", "label", "labels"],
                kind: TargetKind::Number,
                formats: TEXT_FORMATS,
                has_words: false,
                has_tags: false,
            },
        }
    }
}
