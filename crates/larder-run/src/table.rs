//! Tables of texts, drawn by their users.

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextTable {
    /// The names of the columns.
    pub header: Vec<String>,
    /// Rows, each `[columns]`.
    pub rows: Vec<Vec<String>>,
    /// Indices of the columns that hold words, aligned left; numbers are aligned right.
    pub words: Vec<usize>,
}

impl TextTable {
    /// Returns an empty table whose first column holds words.
    pub fn new<S: AsRef<str>>(header: &[S]) -> Self {
        Self { header: header.iter().map(|name| name.as_ref().to_owned()).collect(), rows: Vec::new(), words: vec![0] }
    }

    /// Adds a row; missing cells are empty.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }
}

/// A part of a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextBlock {
    /// Lines.
    Lines(String),
    /// A table.
    Table(TextTable),
}
