//! The tasks, and what each means for the files of a dataset. What a task means for a run is in the crate `larder-run`.

use larder_errors::spelled_enum;

use crate::choice::Format;

spelled_enum! {
    /// The prediction task.
    pub enum Task {
        /// One label for a text, or for a pair of texts.
        Sequence = "sequence",
        /// One tag for every word.
        Tagging = "tagging",
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
    /// True if rows are lists of words, false if they are texts.
    pub has_words: bool,
    /// True if targets are tags in a scheme, whose labels are entity types.
    pub has_tags: bool,
}

impl Task {
    /// Returns the contents of the files of its datasets.
    pub fn files(self) -> &'static TaskFiles {
        match self {
            Self::Sequence => &TaskFiles {
                input: "text",
                target: "label",
                columns: "a sequence has `text`, `text_b`, `label` and `id`",
                foreign_columns: &["words", "tags"],
                formats: &[Format::Tsv, Format::Csv, Format::Jsonl, Format::Parquet],
                has_words: false,
                has_tags: false,
            },
            Self::Tagging => &TaskFiles {
                input: "words",
                target: "tags",
                columns: "tagging has `words`, `tags` and `id`",
                foreign_columns: &["text", "text_b", "label"],
                formats: &[Format::Conll, Format::Jsonl, Format::Parquet],
                has_words: true,
                has_tags: true,
            },
        }
    }
}
