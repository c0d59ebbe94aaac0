//! The TOML file as written: keys known or not, values of the right type. What they mean together is checked later.

use larder_errors::Names;
use larder_tags::Scheme;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};

use crate::choice::{Format, OnBadRow, OnIllegalTags};
use crate::encoding::TextEncoding;
use crate::error::DataError;
use crate::separator::SeparatorText;
use crate::spans::TextUnits;
use crate::spec::{Columns, TargetRange};
use crate::spec_problem::SpecProblem;
use crate::split_files::SplitFiles;
use crate::tag_style::TagStyle;
use crate::task::Task;

/// Keys outside any table.
const TOP_KEYS: &[&str] = &[
    "name",
    "task",
    "format",
    "header",
    "quoting",
    "encoding",
    "scheme",
    "separator",
    "split_text",
    "max_tokens",
    "on_bad_row",
    "illegal_tags",
    "columns",
    "labels",
    "tags",
    "target",
    "splits",
];
/// Keys of `[columns]`.
const COLUMN_KEYS: &[&str] =
    &["text", "text_b", "label", "labels", "label_separator", "target", "id", "words", "tags", "spans", "sentence"];
/// Keys of `[labels]`.
const LABEL_KEYS: &[&str] = &["names", "display"];
/// Keys of `[tags]`.
const TAG_KEYS: &[&str] = &["names", "type", "mark", "separator", "outside", "lowercase"];

/// Keys of `[target]`.
const TARGET_KEYS: &[&str] = &["minimum", "maximum"];

/// The file's keys. All are optional here, so that a missing one gets our message rather than the parser's.
#[derive(Debug, Deserialize)]
pub(crate) struct SpecFile {
    pub name: Option<String>,
    pub task: Option<Task>,
    pub format: Option<Format>,
    pub header: Option<bool>,
    pub quoting: Option<bool>,
    pub encoding: Option<TextEncoding>,
    pub scheme: Option<Scheme>,
    pub separator: Option<SeparatorText>,
    pub split_text: Option<TextUnits>,
    pub max_tokens: Option<std::num::NonZeroUsize>,
    pub on_bad_row: Option<OnBadRow>,
    pub illegal_tags: Option<OnIllegalTags>,
    #[serde(default)]
    pub columns: Columns,
    pub labels: Option<LabelsTable>,
    pub tags: Option<TagStyle>,
    pub target: Option<TargetRange>,
    #[serde(default, rename = "splits")]
    split_files: BTreeMap<String, SplitFiles>,
    /// The splits in file order; filled in after parsing, which keeps no order.
    #[serde(skip)]
    pub splits: Vec<(String, SplitFiles)>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LabelsTable {
    pub names: Option<Vec<LabelText>>,
    pub display: Option<Vec<LabelText>>,
}

/// A label; `0` and `"0"` are the same.
#[derive(Debug)]
pub(crate) struct LabelText(pub String);

impl<'de> Deserialize<'de> for LabelText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = LabelText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label, as text or as an integer")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<LabelText, E> {
                Ok(LabelText(text.to_owned()))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<LabelText, E> {
                Ok(LabelText(number.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Parses `text`; `path` is for messages.
pub(crate) fn parse(text: &str, path: &Path) -> Result<SpecFile, DataError> {
    let at = |span: Option<Range<usize>>, problem| DataError::Spec {
        path: path.to_owned(),
        line: span.map(|span| line_of(text, span.start)),
        problem,
    };
    let from_toml = |error: toml::de::Error| {
        at(error.span(), SpecProblem::Toml { message: in_words_of_toml(error.message().trim()) })
    };

    let document = DeTable::parse(text).map_err(from_toml)?;
    let table = document.get_ref();
    if let Some((span, problem)) = not_a_table(table).or_else(|| unknown_key(table)) {
        return Err(at(Some(span), problem));
    }
    let mut order: Vec<(usize, String)> = sub_table(table, "splits")
        .into_iter()
        .flatten()
        .map(|(key, _)| (key.span().start, key.get_ref().to_string()))
        .collect();
    order.sort();

    let mut file: SpecFile = toml::from_str(text).map_err(from_toml)?;
    for (_, name) in order {
        if let Some(files) = file.split_files.remove(&name) {
            file.splits.push((name, files));
        }
    }
    Ok(file)
}

/// A message of the parser, which has Rust's words for the types of TOML.
fn in_words_of_toml(message: &str) -> String {
    let words = |text: &str| text.replace("sequence", "list").replace("map", "table");
    match (message.strip_prefix("invalid type: "), message.rsplit_once(", expected ")) {
        (Some(_), Some((found, expected))) => {
            // What was found may quote the file.
            let found = match found.strip_prefix("invalid type: ").unwrap_or(found) {
                "sequence" => "a list",
                "map" => "a table",
                other => other,
            };
            format!("found {found}, expected {}", words(expected))
        }
        _ => message.to_owned(),
    }
}

/// The first of the tables that is something else, with an example of what belongs into it.
fn not_a_table(top: &DeTable<'_>) -> Option<(Range<usize>, SpecProblem)> {
    let tables = [
        ("columns", "text = \"text\""),
        ("labels", "names = [\"0\", \"1\"]"),
        ("tags", "mark = \"last\""),
        ("target", "minimum = 0"),
        ("splits", "train = \"train.csv\""),
    ];
    tables.into_iter().find_map(|(key, example)| {
        let (name, value) = top.iter().find(|(name, _)| name.get_ref() == key)?;
        let found = match value.get_ref() {
            DeValue::Table(_) => return None,
            DeValue::String(_) => "a text",
            DeValue::Array(_) => "a list",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Datetime(_) => "a date",
        };
        Some((name.span(), SpecProblem::NotATable { key, found, example }))
    })
}

/// The first key that nobody reads.
fn unknown_key(top: &DeTable<'_>) -> Option<(Range<usize>, SpecProblem)> {
    let tables = [
        (Some(top), "the top of the file", TOP_KEYS),
        (sub_table(top, "columns"), "[columns]", COLUMN_KEYS),
        (sub_table(top, "labels"), "[labels]", LABEL_KEYS),
        (sub_table(top, "tags"), "[tags]", TAG_KEYS),
        (sub_table(top, "target"), "[target]", TARGET_KEYS),
    ];
    tables
        .into_iter()
        .filter_map(|(table, name, known)| table.map(|table| (table, name, known)))
        .flat_map(|(table, name, known)| table.keys().map(move |key| (key, name, known)))
        .filter(|(key, _, known)| !known.contains(&key.get_ref().as_ref()))
        .min_by_key(|(key, ..)| key.span().start)
        .map(|(key, table, known)| {
            let known = Names::new(known.iter().copied());
            (key.span(), SpecProblem::UnknownKey { table, key: key.get_ref().to_string(), known })
        })
}

fn sub_table<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<&'t DeTable<'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name).and_then(|(_, value)| value.get_ref().as_table())
}

/// The one-based line of a byte offset.
fn line_of(text: &str, offset: usize) -> u64 {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() as u64 + 1
}
