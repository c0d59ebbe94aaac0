//! The description of a dataset, loaded from a TOML file.

use larder_tags::Scheme;
use serde::Deserialize;
use std::path::PathBuf;

use crate::choice::{Format, OnBadRow, OnIllegalTags, Separator};
use crate::column_ref::{ColumnRef, ColumnRefs};
use crate::encoding::TextEncoding;
use crate::spans::TextUnits;
use crate::split_files::SplitFiles;
use crate::tag_style::TagStyle;
use crate::task::Task;

/// A dataset: what its files hold, how to read them, where they are. Checked when loaded.
///
/// | key | default | for |
/// |---|---|---|
/// | `name`, `task`, `format`, `[columns]`, `[splits]` ([`SplitFiles`]) | none, required | all |
/// | `header` | `true` if a column is taken by name; else it must be said for csv and tsv | csv, tsv, conll |
/// | `quoting` | csv `true`, tsv `false` | csv, tsv |
/// | `separator` | csv `,`, conll `whitespace` | csv, conll |
/// | `encoding` | UTF-8 | all but parquet |
/// | `scheme` | `IOB2` | tagging |
/// | `[tags]` ([`TagStyle`]) | tags are written as in `B-person` | tagging |
/// | `split_text` | `words` | tagging with `columns.text` |
/// | `max_tokens` | what the encoder reads | all |
/// | `on_bad_row` | `stop` | all |
/// | `illegal_tags` | `refuse` | tagging |
/// | `[labels]` | taken from the split `train`, sorted | all with labels |
/// | `[target]` | no limits | regression |
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DatasetSpec {
    /// The TOML file; split paths are relative to its folder.
    pub path: PathBuf,
    /// Name of the dataset; usable as a file name.
    pub name: String,
    /// The prediction task.
    pub task: Task,
    /// The format of the files.
    pub format: Format,
    /// csv, tsv, conll: whether the first row names the columns.
    pub header: bool,
    /// csv, tsv: whether `"` encloses fields (else it is a character like any other).
    pub quoting: bool,
    /// csv: the ASCII character that separates the columns.
    pub delimiter: u8,
    /// The encoding of text files that are not UTF-8.
    pub encoding: Option<TextEncoding>,
    /// tagging: the scheme the tags are written in. Readers give IOB2.
    pub scheme: Scheme,
    /// tagging: how tags are written, where it is otherwise than in a scheme.
    pub tag_style: TagStyle,
    /// conll: what separates the columns.
    pub separator: Separator,
    /// tagging of texts: what they are split into.
    pub split_text: Option<TextUnits>,
    /// Tokens a text may have, special tokens included, unless a flag says otherwise.
    pub max_tokens: Option<usize>,
    /// The handling of rows that cannot be used, unless a flag says otherwise.
    pub on_bad_row: Option<OnBadRow>,
    /// tagging: the handling of tags that their scheme forbids, unless a flag says otherwise.
    pub illegal_tags: Option<OnIllegalTags>,
    /// The columns and their contents.
    pub columns: Columns,
    /// Label names, if the description gives them.
    pub labels: Option<LabelNames>,
    /// regression: the range of the targets.
    pub target: TargetRange,
    /// Splits in the order of the description: name, and files as written.
    pub splits: Vec<(String, SplitFiles)>,
}

/// The columns and their contents. The task decides which are needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Columns {
    /// The (first) text of a row that is no list of words.
    pub text: Option<ColumnRef>,
    /// The second text of a pair.
    pub text_b: Option<ColumnRef>,
    /// sequence: the label; needed to train.
    pub label: Option<ColumnRef>,
    /// multilabel: a list of labels, a text that holds them, or a column of yes and no for each label; needed to train.
    pub labels: Option<ColumnRefs>,
    /// multilabel: the text between labels, where one text holds them.
    pub label_separator: Option<String>,
    /// regression: the number; needed to train.
    pub target: Option<ColumnRef>,
    /// An identity for each row; else its number.
    pub id: Option<ColumnRef>,
    /// tagging: the words.
    pub words: Option<ColumnRef>,
    /// tagging: a tag for each word; needed to train.
    pub tags: Option<ColumnRef>,
    /// tagging, jsonl: spans of characters of the text, in place of words and tags.
    pub spans: Option<ColumnRef>,
    /// tagging, csv and tsv: the sentence that the word of a row belongs to; may be empty but in its first row.
    pub sentence: Option<ColumnRef>,
}

impl Columns {
    /// The columns given, with their keys, in a fixed order; several of one key follow each other.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &ColumnRef)> {
        // No `..`: a column that is forgotten here would be read without being asked for.
        let Self { text, text_b, label, labels, label_separator: _, target, id, words, tags, spans, sentence } = self;
        let several = labels.iter().flat_map(|labels| labels.columns()).map(|column| ("labels", column));
        [
            ("text", text),
            ("text_b", text_b),
            ("label", label),
            ("id", id),
            ("words", words),
            ("tags", tags),
            ("target", target),
            ("spans", spans),
            ("sentence", sentence),
        ]
        .into_iter()
        .filter_map(|(key, column)| column.as_ref().map(|column| (key, column)))
        .chain(several)
    }

    /// Returns the same columns without those of targets.
    pub(crate) fn without_targets(&self) -> Self {
        let Self { text, text_b, id, words, sentence, .. } = self.clone();
        Self { text, text_b, id, words, sentence, ..Self::default() }
    }
}

/// Label names in the order a model numbers them, and how to show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelNames {
    /// The labels as the files write them; for tagging the entity types, without `B-` and its like.
    pub names: Vec<String>,
    /// The same as people should read them.
    pub display: Vec<String>,
}

/// The range of the targets of a regression, ends included. Answers outside are clipped.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
pub struct TargetRange {
    /// The smallest number.
    pub minimum: Option<f64>,
    /// The largest number.
    pub maximum: Option<f64>,
}

impl TargetRange {
    /// Returns the bound that `number` breaks, in words.
    pub(crate) fn bound_broken_by(&self, number: f64) -> Option<String> {
        let below = self.minimum.filter(|minimum| number < *minimum).map(|bound| format!("minimum = {bound}"));
        below.or_else(|| self.maximum.filter(|maximum| number > *maximum).map(|bound| format!("maximum = {bound}")))
    }
}

impl DatasetSpec {
    /// The names of the splits, in the order of the description.
    pub fn split_names(&self) -> impl Iterator<Item = &str> {
        self.splits.iter().map(|(name, _)| name.as_str())
    }

    /// Returns true if the files have targets, so that a head can be trained or judged.
    pub fn has_targets(&self) -> bool {
        self.columns.given().any(|(key, _)| key == self.task.files().target || key == "spans")
    }

    /// Returns the same description without columns of targets.
    pub fn without_targets(&self) -> Self {
        Self { columns: self.columns.without_targets(), ..self.clone() }
    }
}
