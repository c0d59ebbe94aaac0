//! The description of a dataset, loaded from a TOML file.

use larder_errors::Names;
use larder_tags::Scheme;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::choice::{Format, Separator};
use crate::column_ref::ColumnRef;
use crate::error::DataError;
use crate::split_path::expand;
use crate::task::Task;

/// A dataset: what its files hold, how to read them, where they are. Checked when loaded.
///
/// | key | default | for |
/// |---|---|---|
/// | `name`, `task`, `format`, `[columns]`, `[splits]` | none, required | all |
/// | `header` | `true` if a column is taken by name, else it must be said | csv, tsv |
/// | `quoting` | csv `true`, tsv `false` | csv, tsv |
/// | `separator` | `whitespace` | conll |
/// | `scheme` | `IOB2` | tagging |
/// | `[labels]` | taken from the split `train`, sorted | all |
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// csv, tsv: whether the first row names the columns.
    pub header: bool,
    /// csv, tsv: whether `"` encloses fields (else it is a character like any other).
    pub quoting: bool,
    /// tagging: the scheme the tags are written in. Readers give IOB2.
    pub scheme: Scheme,
    /// conll: what separates the columns.
    pub separator: Separator,
    /// The columns and their contents.
    pub columns: Columns,
    /// Label names, if the description gives them.
    pub labels: Option<LabelNames>,
    /// Splits in file order: name, and path as written.
    pub splits: Vec<(String, String)>,
}

/// The columns and their contents. The task decides which are needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Columns {
    /// sequence: the (first) text.
    pub text: Option<ColumnRef>,
    /// sequence: the second text of a pair.
    pub text_b: Option<ColumnRef>,
    /// sequence: the label; needed to train.
    pub label: Option<ColumnRef>,
    /// An identity for each row; else its number.
    pub id: Option<ColumnRef>,
    /// tagging: the words.
    pub words: Option<ColumnRef>,
    /// tagging: a tag for each word; needed to train.
    pub tags: Option<ColumnRef>,
}

impl Columns {
    /// The columns given, with their keys, in a fixed order.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &ColumnRef)> {
        [
            ("text", &self.text),
            ("text_b", &self.text_b),
            ("label", &self.label),
            ("id", &self.id),
            ("words", &self.words),
            ("tags", &self.tags),
        ]
        .into_iter()
        .filter_map(|(key, column)| column.as_ref().map(|column| (key, column)))
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

impl DatasetSpec {
    /// The names of the splits, in file order.
    pub fn split_names(&self) -> impl Iterator<Item = &str> {
        self.splits.iter().map(|(name, _)| name.as_str())
    }

    /// Returns true if the files have targets, so that a head can be trained or judged.
    pub fn has_targets(&self) -> bool {
        self.columns.given().any(|(key, _)| key == self.task.files().target)
    }

    /// Returns the same description without targets: no label and no tags column.
    pub fn without_targets(&self) -> Self {
        Self { columns: Columns { label: None, tags: None, ..self.columns.clone() }, ..self.clone() }
    }

    /// Returns the path of a split's file, with its environment variables expanded. The file need not exist.
    ///
    /// # Errors
    /// [`DataError::UnknownSplit`], [`DataError::VariableNotSet`], [`DataError::MalformedVariable`].
    pub fn split_path(&self, split: &str) -> Result<PathBuf, DataError> {
        let template =
            self.splits.iter().find(|(name, _)| name == split).map(|(_, template)| template).ok_or_else(|| {
                DataError::UnknownSplit {
                    spec: self.path.clone(),
                    split: split.to_owned(),
                    known: Names::new(self.split_names()),
                }
            })?;
        let expanded = expand(template, |variable| std::env::var_os(variable))
            .map_err(|problem| problem.into_error(&self.path, split, template))?;
        // `join` lets an absolute path stand as it is.
        Ok(self.path.parent().unwrap_or(Path::new("")).join(expanded))
    }

    /// Opens the file of a split.
    pub(crate) fn open_split(&self, split: &str) -> Result<(PathBuf, File), DataError> {
        let path = self.split_path(split)?;
        match larder_files::open(&path) {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(DataError::OpenSplit { spec: self.path.clone(), split: split.to_owned(), path, source }),
        }
    }

    /// Returns everything that decides which examples a split gives: every setting that changes what is read, as text,
    /// and `data.<split>.digest`, the BLAKE3 hash (64 hexadecimal digits) of the file's bytes.
    ///
    /// Label names are left out, because they number the labels and change no example; paths, because a moved file is
    /// the same file.
    ///
    /// # Errors
    /// Those of [`split_path`](Self::split_path), [`DataError::OpenSplit`], [`DataError::Read`].
    pub fn fingerprint_parts(&self, split: &str) -> Result<BTreeMap<String, String>, DataError> {
        let (path, file) = self.open_split(split)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file).map_err(|source| DataError::Read { path, source })?;

        let mut parts = self.layout().parts();
        parts.insert(format!("data.{split}.digest"), hasher.finalize().to_hex().to_string());
        parts.insert("data.task".to_owned(), self.task.to_string());
        Ok(parts)
    }
}
