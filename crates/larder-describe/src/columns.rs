//! The first rows of a file, by columns.

use std::collections::BTreeSet;

use larder_data::{ColumnRef, Format};

/// Rows that are looked at.
pub(crate) const ROWS: usize = 2000;

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing, or a blank text.
    Missing,
    /// A text that is no number.
    Text(String),
    /// A number, or a text that is one.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A list of texts or numbers.
    List(Vec<String>),
    /// Spans of characters with labels.
    Spans,
    /// Anything else.
    Other,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct LookedColumn {
    /// The column as a description names it.
    pub column: ColumnRef,
    /// Its first values.
    pub cells: Vec<Cell>,
}

/// The columns and values that the first rows of a file show.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The format.
    pub format: Format,
    /// csv, tsv: whether the first row names the columns.
    pub header: bool,
    /// csv, tsv: whether `"` encloses fields.
    pub quoting: bool,
    /// csv: what separates the columns, where it is not a comma.
    pub separator: Option<char>,
    /// The encoding, where it is not UTF-8.
    pub encoding: Option<String>,
    /// The columns.
    pub columns: Vec<LookedColumn>,
}

impl Look {
    /// Rows that were looked at.
    pub fn rows(&self) -> usize {
        self.columns.iter().map(|column| column.cells.len()).max().unwrap_or(0)
    }
}

impl Cell {
    /// Reads a field of a text file.
    pub(crate) fn of_text(text: &str) -> Self {
        let trimmed = text.trim();
        match trimmed.parse::<f64>() {
            _ if trimmed.is_empty() => Self::Missing,
            Ok(number) if number.is_finite() => Self::Number(number),
            _ => Self::Text(text.to_owned()),
        }
    }
}

impl LookedColumn {
    /// The texts among its values.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().filter_map(|cell| match cell {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Values that are there.
    pub(crate) fn present(&self) -> usize {
        self.cells.iter().filter(|cell| **cell != Cell::Missing).count()
    }

    /// The share of values there that `is` is true of.
    pub(crate) fn share(&self, is: impl Fn(&Cell) -> bool) -> f64 {
        self.cells.iter().filter(|cell| is(cell)).count() as f64 / self.present().max(1) as f64
    }

    /// Words of a text, on average.
    pub(crate) fn mean_words(&self) -> f64 {
        let (texts, words) =
            self.texts().fold((0, 0), |(texts, words), text| (texts + 1, words + text.split_whitespace().count()));
        words as f64 / f64::from(texts.max(1))
    }

    /// Characters of a text, on average.
    pub(crate) fn mean_chars(&self) -> f64 {
        let (texts, chars) =
            self.texts().fold((0, 0), |(texts, chars), text| (texts + 1, chars + text.chars().count()));
        chars as f64 / f64::from(texts.max(1))
    }

    /// Its different values, as text.
    pub(crate) fn distinct(&self) -> BTreeSet<String> {
        let text = |cell: &Cell| match cell {
            Cell::Text(text) => Some(text.clone()),
            Cell::Number(number) => Some(number.to_string()),
            Cell::Flag(flag) => Some(flag.to_string()),
            _ => None,
        };
        self.cells.iter().filter_map(text).collect()
    }
}
