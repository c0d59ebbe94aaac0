//! The layout of files: the part of a dataset's description that says how any file like its own is read.

use larder_tags::Scheme;
use std::collections::BTreeMap;

use crate::choice::{Format, Separator};
use crate::column_ref::ColumnRef;
use crate::encoding::TextEncoding;
use crate::spans::TextUnits;
use crate::spec::{Columns, DatasetSpec};
use crate::spec_check::{DEFAULT_SCHEME, DEFAULT_SEPARATOR, default_delimiter};
use crate::tag_style::TagStyle;
use crate::target_columns::TargetColumns;

/// The layout of a file. Each field means what it means in a [`DatasetSpec`].
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// csv, tsv, conll: whether the first row names the columns.
    pub header: bool,
    /// csv, tsv: whether `"` encloses fields.
    pub quoting: bool,
    /// csv, tsv: the character that separates the columns.
    pub delimiter: u8,
    /// The encoding of a text file that is not UTF-8.
    pub encoding: Option<TextEncoding>,
    /// conll: what separates the columns.
    pub separator: Separator,
    /// tagging: the scheme of the tags.
    pub scheme: Scheme,
    /// tagging: how the tags are written.
    pub tag_style: TagStyle,
    /// tagging of texts: what they are split into.
    pub split_text: Option<TextUnits>,
    /// The columns and their contents.
    pub columns: Columns,
    /// The columns of the targets; `None` where nothing is to be learned from the file.
    pub targets: Option<TargetColumns>,
}

impl Layout {
    /// Makes the layout of a file of `format` of which nothing else is known: columns named in a header, quotes as the
    /// format has them.
    pub fn of_format(format: Format) -> Self {
        Self {
            format,
            header: matches!(format, Format::Csv | Format::Tsv),
            quoting: format == Format::Csv,
            delimiter: default_delimiter(format),
            encoding: None,
            separator: DEFAULT_SEPARATOR,
            scheme: DEFAULT_SCHEME,
            tag_style: TagStyle::default(),
            split_text: None,
            columns: Columns::default(),
            targets: None,
        }
    }

    /// Returns every setting that changes what is read of a file, as text.
    pub fn parts(&self) -> BTreeMap<String, String> {
        let mut parts = BTreeMap::from([("data.format".to_owned(), self.format.to_string())]);
        if matches!(self.format, Format::Tsv | Format::Csv) {
            parts.insert("data.header".to_owned(), self.header.to_string());
            parts.insert("data.quoting".to_owned(), self.quoting.to_string());
        }
        // What was added later is said only where it is not as it always was, so that older files stay fresh.
        if self.delimiter != default_delimiter(self.format) {
            parts.insert("data.delimiter".to_owned(), char::from(self.delimiter).to_string());
        }
        if let Some(encoding) = self.encoding {
            parts.insert("data.encoding".to_owned(), encoding.to_string());
        }
        if self.format == Format::Conll {
            parts.insert("data.separator".to_owned(), self.separator.to_string());
            if self.header {
                parts.insert("data.header".to_owned(), self.header.to_string());
            }
        }
        if self.columns.words.is_some() {
            parts.insert("data.scheme".to_owned(), self.scheme.to_string());
        }
        if let Some(units) = self.split_text {
            parts.insert("data.split_text".to_owned(), units.to_string());
        }
        if !self.tag_style.is_plain() {
            parts.insert("data.tags".to_owned(), serde_json::json!(self.tag_style).to_string());
        }
        for (key, column) in self.columns.given() {
            // A column called "3" is not the column at position 3.
            let text = match column {
                ColumnRef::Name(name) => format!("name {name}"),
                ColumnRef::Position(position) => format!("position {position}"),
            };
            let several = self.columns.given().filter(|(other, _)| *other == key).count() > 1;
            let number = parts.keys().filter(|part| part.starts_with(&format!("data.columns.{key}."))).count();
            let number = if several { format!(".{number}") } else { String::new() };
            parts.insert(format!("data.columns.{key}{number}"), text);
        }
        parts.extend(self.targets.iter().flat_map(TargetColumns::parts));
        parts
    }

    /// Reads the layout that [`parts`](Self::parts) hold, as the provenance of an artifact records them under `prefix`;
    /// `None` where it does not. It has no targets: they are for training, which has a description.
    pub fn from_parts(parts: &BTreeMap<String, String>, prefix: &str) -> Option<Self> {
        let part = |key: &str| parts.get(&format!("{prefix}data.{key}")).map(String::as_str);
        let mut layout = Self::of_format(part("format")?.parse().ok()?);
        if let Some(header) = part("header") {
            layout.header = header.parse().ok()?;
        }
        if let Some(quoting) = part("quoting") {
            layout.quoting = quoting.parse().ok()?;
        }
        if let Some(delimiter) = part("delimiter") {
            layout.delimiter = *delimiter.as_bytes().first()?;
        }
        if let Some(encoding) = part("encoding") {
            layout.encoding = Some(TextEncoding::of_name(encoding)?);
        }
        if let Some(units) = part("split_text") {
            layout.split_text = Some(units.parse().ok()?);
        }
        if let Some(style) = part("tags") {
            layout.tag_style = serde_json::from_str(style).ok()?;
        }
        if let Some(separator) = part("separator") {
            layout.separator = separator.parse().ok()?;
        }
        if let Some(scheme) = part("scheme") {
            layout.scheme = scheme.parse().ok()?;
        }
        let column = |key: &str| match part(&format!("columns.{key}"))?.split_once(' ')? {
            ("name", name) => Some(ColumnRef::Name(name.to_owned())),
            ("position", position) => position.parse().ok().map(ColumnRef::Position),
            _ => None,
        };
        layout.columns = Columns {
            text: column("text"),
            text_b: column("text_b"),
            id: column("id"),
            words: column("words"),
            // It tells words from comments.
            tags: column("tags"),
            ..Columns::default()
        };
        Some(layout)
    }
}

impl DatasetSpec {
    /// Returns the layout of the files.
    pub fn layout(&self) -> Layout {
        Layout {
            format: self.format,
            header: self.header,
            quoting: self.quoting,
            delimiter: self.delimiter,
            encoding: self.encoding,
            separator: self.separator,
            scheme: self.scheme,
            tag_style: self.tag_style.clone(),
            split_text: self.split_text,
            columns: self.columns.clone(),
            targets: self.target_columns(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_fingerprint_holds_the_layout_it_was_made_of() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), "x").unwrap();
        let descriptions = [
            "task='sequence'\nformat='tsv'\nheader=false\nquoting=false\n[columns]\ntext=3\nlabel=1\n",
            "task='sequence'\nformat='csv'\n[columns]\ntext='a name'\ntext_b='3'\nlabel='l'\nid='id'\n",
            "task='tagging'\nformat='conll'\nscheme='BILOU'\nseparator='space'\n[columns]\nwords=1\ntags=4\n",
            "task='tagging'\nformat='jsonl'\n[columns]\nwords='tokens'\ntags='ner tags'\n",
            "task='sequence'\nformat='csv'\nseparator=';'\nencoding='latin1'\n[columns]\ntext='t'\n",
            "task='tagging'\nformat='conll'\nheader=true\n[columns]\nwords='TOKEN'\ntags='NE'\n[tags]\nmark='last'\noutside='0'\n",
            "task='tagging'\nformat='jsonl'\nsplit_text='characters'\n[columns]\ntext='t'\n",
        ];
        for description in descriptions {
            let text = format!("name='set'\n{description}[splits]\ntrain='data'\n");
            let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
            let parts = spec.fingerprint_parts("train").unwrap();
            let mut layout = spec.layout();
            (layout.targets, layout.columns.label) = (None, None);
            assert_eq!(Layout::from_parts(&parts, ""), Some(layout.clone()), "{description}");
            let prefixed = parts.into_iter().map(|(key, value)| (format!("train.{key}"), value)).collect();
            assert_eq!(Layout::from_parts(&prefixed, "train."), Some(layout), "{description}");
            assert_eq!(Layout::from_parts(&prefixed, ""), None);
        }
        assert!(DatasetSpec::load(Path::new("nowhere.toml")).is_err());
    }
}
