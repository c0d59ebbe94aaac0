//! Files to be answered: the rows that training would read of them, without targets, each with the record it came from.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::choice::Format;
use crate::error::DataError;
use crate::example::Content;
use crate::layout::Layout;
use crate::lines::LineReader;
use crate::record::Record;
use crate::row::{Fault, Purpose, RowReader, check_content, place};
use crate::row_problem::{Place, RowProblem};
use crate::spec::Columns;
use crate::table::TableRows;
use crate::text_format::open_text;

/// One row to be answered.
#[derive(Debug, Clone)]
pub struct InputRow {
    /// Its line or row.
    pub place: Place,
    /// The document it is from: how many `-DOCSTART-` lines of a CoNLL file precede it. 0 in other formats.
    pub document: u64,
    /// The input of the encoder, or the reason why there is none.
    pub content: Result<Content, RowProblem>,
    /// The record that the row was read from.
    pub record: Record,
}

/// Reads a file whose rows are to be answered, in constant memory. Labels, tags and ids in it are not looked at, so they
/// may be missing, empty or none that training knew.
///
/// A row that cannot be used is given with its problem; what makes the rest of the file unreadable ends the reader.
pub struct InputReader {
    rows: Box<dyn RowReader>,
    format: Format,
    total: Option<u64>,
    done: bool,
}

impl InputReader {
    /// Opens a file. Of `layout.columns` only `text`, `text_b` and `words` count, and `tags`, which tells words from
    /// comments in a CoNLL file. In JSON lines a row may have `text` where it has no `words`.
    ///
    /// # Errors
    /// [`DataError::Open`] and what [`ExampleReader::open`](crate::ExampleReader::open) says of the file's columns.
    pub fn open(layout: &Layout, path: &Path) -> Result<Self, DataError> {
        let opened = |source| DataError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(opened)?;
        if layout.format != Format::Parquet {
            return Self::from_stream(layout, path.to_owned(), file);
        }
        let rows = TableRows::open(&without_targets(layout), path.to_owned(), file, Purpose::Answer)?;
        let total = Some(rows.total());
        Ok(Self { rows: Box::new(rows), format: layout.format, total, done: false })
    }

    /// Reads text from a stream, which messages call `name`. Parquet cannot be read so.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`DataError::NoStream`] for Parquet.
    pub fn from_stream(layout: &Layout, name: PathBuf, stream: impl Read + Send + 'static) -> Result<Self, DataError> {
        if layout.format == Format::Parquet {
            return Err(DataError::NoStream { path: name });
        }
        let rows = open_text(&without_targets(layout), name, Box::new(stream), Purpose::Answer)?;
        Ok(Self { rows, format: layout.format, total: None, done: false })
    }

    /// The names of all columns; `None` where the format or the layout has no names before the rows.
    pub fn header(&self) -> Option<&[String]> {
        self.rows.header()
    }

    /// Returns the name of the column of `key`, such as `text`, for a message.
    pub fn column(&self, key: &'static str) -> String {
        self.rows.column(key)
    }

    /// Rows in all, where the file says so.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the lines behind the last sentence of CoNLL, once the rows have ended.
    pub fn rest(&mut self) -> Option<Record> {
        match (self.done, self.format) {
            (true, Format::Conll) => Some(self.rows.record()),
            _ => None,
        }
    }
}

impl Iterator for InputReader {
    type Item = Result<InputRow, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = self.rows.next_row();
        self.done = matches!(row, None | Some(Err(Fault::Fatal(_))));
        let row = match row? {
            Ok(row) => InputRow {
                place: place(self.format, row.line),
                document: row.document,
                content: check_content(self.rows.as_ref(), &row.content).map(|()| row.content),
                record: self.rows.record(),
            },
            Err(Fault::Bad { place, problem }) => {
                InputRow { place, document: 0, content: Err(problem), record: self.rows.record() }
            }
            Err(Fault::Fatal(error)) => return Some(Err(error)),
        };
        Some(Ok(row))
    }
}

fn without_targets(layout: &Layout) -> Layout {
    let tags = layout.columns.tags.clone().filter(|_| layout.format == Format::Conll);
    let columns = Columns { tags, id: None, ..layout.columns.without_targets() };
    Layout { columns, targets: None, ..layout.clone() }
}

/// Lines of plain text, blank ones too, in constant memory. A UTF-8 byte order mark is dropped.
#[derive(Debug)]
pub struct TextLines {
    lines: LineReader,
    done: bool,
}

impl TextLines {
    /// Opens a file.
    ///
    /// # Errors
    /// [`DataError::Open`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|source| DataError::Open { path: path.to_owned(), source })?;
        Ok(Self::from_stream(path.to_owned(), file))
    }

    /// Reads a stream, which messages call `name`.
    pub fn from_stream(name: PathBuf, stream: impl Read + Send + 'static) -> Self {
        Self { lines: LineReader::new(name, stream), done: false }
    }
}

impl Iterator for TextLines {
    type Item = Result<String, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let path = self.lines.path().to_owned();
        let line = self.lines.next_line().transpose()?.and_then(|line| {
            let bad = |problem| DataError::BadRow { path, place: Place::Line(line.number), problem: Box::new(problem) };
            line.text().map(str::to_owned).map_err(bad)
        });
        // Behind a line that cannot be read others may be.
        self.done = matches!(&line, Err(error) if !matches!(error, DataError::BadRow { .. }));
        Some(line)
    }
}
