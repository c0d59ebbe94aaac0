//! TSV and CSV. Without quoting a row is a line and every byte but the delimiter is content (CoLA is written so); with
//! it, fields follow RFC 4180: `"` encloses a field, `""` inside is a quote, line ends inside are content.
//!
//! Empty lines are not rows. Every row must have as many columns as the header or, without one, the first row: a stray
//! delimiter in a text would otherwise cut it short in silence.

use crate::column_ref::ColumnRef;
use crate::error::DataError;
use crate::example::Content;
use crate::layout::Layout;
use crate::lines::{LineReader, MAX_ROW_BYTES};
use crate::record::Record as RawRecord;
use crate::row::{Fault, Row, RowReader, no_content};
use crate::row_problem::{Place, RowProblem};
use crate::slice::TextPosition;
use crate::target_columns::{Cell, TargetColumns};

/// Rows of a TSV or CSV file.
pub(crate) struct DelimitedRows {
    lines: LineReader,
    delimiter: u8,
    quoting: bool,
    record: Record,
    /// Columns in the header or the first row; `None` until that is known.
    width: Option<usize>,
    /// The header's names; `None` without a header.
    names: Option<Vec<String>>,
    text: Option<Field>,
    text_b: Option<Field>,
    /// The columns of the targets, and their places in the file.
    targets: Option<(TargetColumns, Vec<Field>)>,
    id: Option<Field>,
}

/// A column found in the file.
struct Field {
    index: usize,
    name: String,
}

/// The fields of one row, one after another.
#[derive(Default)]
struct Record {
    bytes: Vec<u8>,
    /// The end of each field in `bytes`.
    ends: Vec<usize>,
    /// One-based line the row starts on.
    line: u64,
    problem: Option<RowProblem>,
    /// The first column with a carriage return outside quotes.
    bare_return: Option<usize>,
}

impl Record {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.problem = None;
        self.bare_return = None;
    }

    fn close_field(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    /// The zero-based field at `index`. Valid UTF-8 is the invariant of a record without a problem.
    fn field(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        std::str::from_utf8(self.bytes.get(start..end)?).ok()
    }
}

/// The state of the parser in a quoted file.
#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

impl DelimitedRows {
    /// Opens the file and finds the columns; reads the header if there is one.
    pub fn open(layout: &Layout, lines: LineReader) -> Result<Self, DataError> {
        let path = lines.path().to_owned();
        let columns = &layout.columns;
        let by_position = |column: &ColumnRef| Field {
            index: match column {
                ColumnRef::Position(position) => *position,
                // Replaced as soon as the header is read; the spec allows no name without a header.
                ColumnRef::Name(_) => usize::MAX,
            },
            name: format!("column {column}"),
        };
        let mut rows = Self {
            lines,
            delimiter: layout.delimiter,
            quoting: layout.quoting,
            record: Record::default(),
            width: None,
            names: None,
            text: columns.text.as_ref().map(by_position),
            text_b: columns.text_b.as_ref().map(by_position),
            targets: layout.targets.as_ref().map(|targets| {
                let fields = targets.columns.iter().map(by_position).collect();
                (targets.clone(), fields)
            }),
            id: columns.id.as_ref().map(by_position),
        };
        if !layout.header {
            return Ok(rows);
        }
        if !rows.read_record()? {
            return Err(DataError::Empty { path });
        }
        if let Some(problem) = rows.record.problem.take().map(Box::new) {
            return Err(DataError::BadRow { path, place: Place::Line(rows.record.line), problem });
        }
        let names: Vec<String> =
            (0..rows.record.ends.len()).map(|index| rows.record.field(index).unwrap_or_default().to_owned()).collect();
        rows.width = Some(names.len());
        let find = |column: &ColumnRef| -> Result<Field, DataError> {
            let index = column.find(&names, &path)?;
            Ok(Field { index, name: names[index].clone() })
        };
        rows.text = columns.text.as_ref().map(find).transpose()?;
        rows.text_b = columns.text_b.as_ref().map(find).transpose()?;
        if let Some((targets, fields)) = &mut rows.targets {
            *fields = targets.columns.iter().map(find).collect::<Result<_, _>>()?;
        }
        rows.id = columns.id.as_ref().map(find).transpose()?;
        rows.names = Some(names);
        Ok(rows)
    }

    /// Reads one row into `self.record`; `false` at the end of the file.
    fn read_record(&mut self) -> Result<bool, DataError> {
        let record = &mut self.record;
        record.clear();
        let mut state = State::FieldStart;
        let mut started = false;
        let mut path_of_reader = None;
        while let Some(line) = self.lines.next_line()? {
            if !started {
                if line.bytes.is_empty() {
                    continue;
                }
                started = true;
                record.line = line.number;
            }
            if let Err(problem) = line.text() {
                record.problem.get_or_insert(problem);
            }
            if self.quoting {
                state = split_quoted(line.bytes, self.delimiter, state, record);
            } else {
                split_plain(line.bytes, self.delimiter, record);
            }
            if state != State::Quoted {
                if self.quoting {
                    record.close_field();
                }
                return Ok(true);
            }
            record.bytes.extend_from_slice(line.ending);
            if record.bytes.len() > MAX_ROW_BYTES {
                path_of_reader = Some(self.lines.path().to_owned());
                break;
            }
        }
        match path_of_reader {
            Some(path) => Err(DataError::RowTooLong { path, line: record.line, limit: MAX_ROW_BYTES }),
            None if started => {
                Err(DataError::UnterminatedQuote { path: self.lines.path().to_owned(), line: record.line })
            }
            None => Ok(false),
        }
    }

    fn target_fields(&self) -> &[Field] {
        self.targets.as_ref().map_or(&[], |(_, fields)| fields)
    }

    /// The first field that holds a carriage return nobody meant: within quotes it is content, without quoting it may be
    /// content of a text but not of a label.
    fn carriage_return(&self) -> Option<RowProblem> {
        let is_in = |field: &&Field| self.record.field(field.index).is_some_and(|text| text.contains('\r'));
        let column = match self.quoting {
            true => self.record.bare_return?,
            false => self.target_fields().iter().find(is_in)?.index,
        };
        let value = self.record.field(column).unwrap_or_default().to_owned();
        Some(RowProblem::CarriageReturn { column, value })
    }

    fn row(&self) -> Result<Row, RowProblem> {
        if let Some(problem) = self.carriage_return() {
            return Err(problem);
        }
        let value = |field: &Field| {
            self.record.field(field.index).map(str::to_owned).ok_or_else(|| RowProblem::ColumnCount {
                found: self.record.ends.len(),
                expected: field.index + 1,
                as_in: "at least, for the columns asked for",
            })
        };
        let content = match &self.text {
            Some(text) => Content::Text { text: value(text)?, text_b: self.text_b.as_ref().map(value).transpose()? },
            None => no_content(),
        };
        Ok(Row {
            document: 0,
            line: self.record.line,
            id: self.id.as_ref().map(value).transpose()?,
            content,
            target: self
                .targets
                .as_ref()
                .map(|(targets, fields)| {
                    targets.read(|at| value(&fields[at]).map(Cell::Text), |at| fields[at].name.clone())
                })
                .transpose()
                .map_err(|problem| (Place::Line(self.record.line), problem)),
            inexact: None,
            no_words: Vec::new(),
        })
    }
}

fn split_plain(line: &[u8], delimiter: u8, record: &mut Record) {
    for field in line.split(|byte| *byte == delimiter) {
        record.bytes.extend_from_slice(field);
        record.close_field();
    }
}

/// Adds the fields of one line to `record`; the last is left open. Returns the state at the end of the line.
fn split_quoted(line: &[u8], delimiter: u8, mut state: State, record: &mut Record) -> State {
    for &byte in line {
        state = match (state, byte) {
            (State::FieldStart, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::QuoteInQuoted, b'"') => {
                record.bytes.push(b'"');
                State::Quoted
            }
            (State::Quoted, _) => {
                record.bytes.push(byte);
                State::Quoted
            }
            (_, _) if byte == delimiter => {
                record.close_field();
                State::FieldStart
            }
            (State::QuoteInQuoted, _) => {
                let column = record.ends.len();
                record.problem.get_or_insert(RowProblem::AfterQuote { column });
                State::Plain
            }
            (State::FieldStart | State::Plain, _) => {
                if byte == b'\r' {
                    record.bare_return.get_or_insert(record.ends.len());
                }
                record.bytes.push(byte);
                State::Plain
            }
        };
    }
    state
}

impl RowReader for DelimitedRows {
    fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        match self.read_record() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(Fault::Fatal(error))),
        }
        let place = Place::Line(self.record.line);
        if let Some(problem) = self.record.problem.take() {
            return Some(Err(Fault::Bad { place, problem }));
        }
        let found = self.record.ends.len();
        let expected = *self.width.get_or_insert(found);
        if found != expected {
            let as_in = if self.names.is_some() { "as in the header" } else { "as in the first row" };
            return Some(Err(Fault::Bad { place, problem: RowProblem::ColumnCount { found, expected, as_in } }));
        }
        Some(self.row().map_err(|problem| Fault::Bad { place, problem }))
    }

    fn column(&self, key: &'static str) -> String {
        let field = match key {
            "text" => self.text.as_ref(),
            "text_b" => self.text_b.as_ref(),
            "id" => self.id.as_ref(),
            _ => self.target_fields().first(),
        };
        field.map_or_else(|| key.to_owned(), |field| field.name.clone())
    }

    fn record(&mut self) -> RawRecord {
        RawRecord::Fields(self.record.fields().map(<[u8]>::to_vec).collect())
    }

    fn header(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    fn position(&self) -> Option<TextPosition> {
        Some(TextPosition { columns: self.width, ..TextPosition::of_lines(&self.lines) })
    }

    fn cr_ends_lines(&self) -> bool {
        self.lines.ends_with_cr()
    }

    fn resume(&mut self, position: TextPosition) {
        self.lines.resume(position.byte, position.line);
        self.width = position.columns.or(self.width);
    }
}
