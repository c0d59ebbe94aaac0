//! Tables for people, as rows of texts: whoever shows them draws them.

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextTable {
    /// The names of the columns.
    pub header: Vec<String>,
    /// Rows, each `[columns]`.
    pub rows: Vec<Vec<String>>,
    /// Places of the columns that hold words and are aligned to the left; numbers are aligned to the right.
    pub words: Vec<usize>,
}

impl TextTable {
    /// An empty table whose first column holds words.
    pub fn new<S: AsRef<str>>(header: &[S]) -> Self {
        Self { header: header.iter().map(|name| name.as_ref().to_owned()).collect(), rows: Vec::new(), words: vec![0] }
    }

    /// Adds a row; cells that it lacks are empty.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }
}

/// A part of a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextBlock {
    /// Lines as they are.
    Lines(String),
    /// A table.
    Table(TextTable),
}
