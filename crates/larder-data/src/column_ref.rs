//! A column of a file, by name or by position.

use std::fmt;
use std::path::Path;

use larder_errors::Names;
use serde::{Deserialize, Deserializer};

use crate::choice::Format;
use crate::error::DataError;

/// A column by name or by zero-based position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// The name in the header, the JSON object or the Parquet schema.
    Name(String),
    /// The zero-based position.
    Position(usize),
}

/// One column or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a column's name or its zero-based position, or a list of them")]
pub enum ColumnRefs {
    /// One column.
    One(ColumnRef),
    /// A list of columns, in order.
    Several(Vec<ColumnRef>),
}

impl ColumnRefs {
    /// Returns the columns, in order.
    pub fn columns(&self) -> &[ColumnRef] {
        match self {
            Self::One(column) => std::slice::from_ref(column),
            Self::Several(columns) => columns,
        }
    }
}

impl ColumnRef {
    /// Reads a column of a file of `format` from a flag: digits are a position where columns have one. `header` says whether
    /// the first row of a csv or tsv file names the columns.
    ///
    /// # Errors
    /// The reason why columns of such a file have no names.
    pub fn of_flag(given: &str, format: Format, header: bool) -> Result<Self, &'static str> {
        match given.parse() {
            Ok(position) if format != Format::Jsonl => Ok(Self::Position(position)),
            _ if header || matches!(format, Format::Jsonl | Format::Parquet) => Ok(Self::Name(given.to_owned())),
            _ if format == Format::Conll => Err("CoNLL columns have no names; give the zero-based position"),
            _ => Err("without a header columns have no names; give the zero-based position, or `--header true`"),
        }
    }
}

impl ColumnRef {
    /// Returns the position of the column among the names of a header, which the file at `path` begins with.
    pub(crate) fn find(&self, names: &[String], path: &Path) -> Result<usize, DataError> {
        let missing = || DataError::MissingColumn {
            path: path.to_owned(),
            column: self.to_string(),
            known: Names::new(names.iter().cloned()),
        };
        let index = match self {
            Self::Position(position) => *position,
            Self::Name(name) => {
                let mut found = names.iter().enumerate().filter(|(_, known)| *known == name);
                let (index, _) = found.next().ok_or_else(missing)?;
                if found.next().is_some() {
                    return Err(DataError::AmbiguousColumn { path: path.to_owned(), column: name.clone() });
                }
                index
            }
        };
        if index < names.len() { Ok(index) } else { Err(missing()) }
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Position(position) => write!(f, "{position}"),
        }
    }
}

impl<'de> Deserialize<'de> for ColumnRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = ColumnRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name or its zero-based position")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<ColumnRef, E> {
                if name.is_empty() {
                    return Err(E::invalid_value(serde::de::Unexpected::Str(name), &self));
                }
                Ok(ColumnRef::Name(name.to_owned()))
            }

            fn visit_i64<E: serde::de::Error>(self, position: i64) -> Result<ColumnRef, E> {
                usize::try_from(position)
                    .map(ColumnRef::Position)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(position), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
