//! JSON lines: one object a line, or one array of objects. Blank lines are not rows; fields nobody asked for are ignored.

use serde_json::{Map, Value};

use crate::column_ref::ColumnRef;
use crate::example::Content;
use crate::layout::Layout;
use crate::lines::LineReader;
use crate::record::Record;
use crate::row::{Fault, Purpose, Row, RowReader, no_content};
use crate::row_problem::{Place, RowProblem};
use crate::scalar::integer_of;
use crate::slice::TextPosition;
use crate::spans::{SpanTags, TextUnits, spans_of, tags_of};
use crate::spec::Columns;
use crate::target::Target;
use crate::target_columns::{Cell, CellKind, RowTarget, TargetColumns};

/// Rows of a JSON lines file.
pub(crate) struct JsonRows {
    lines: LineReader,
    columns: Columns,
    targets: Option<TargetColumns>,
    /// Tagging of texts: what they are split into.
    split_text: Option<TextUnits>,
    /// The line of the row last given, without its end.
    line: Vec<u8>,
}

impl JsonRows {
    /// Reads `lines`.
    pub fn open(layout: &Layout, lines: LineReader, purpose: Purpose) -> Self {
        let Layout { columns, targets, split_text, .. } = layout.clone();
        // A text to be answered is split by whoever answers it.
        let split_text = split_text.filter(|_| purpose == Purpose::Learn);
        Self { lines: lines.with_json_arrays(), columns, targets, split_text, line: Vec::new() }
    }

    fn place(&self, number: u64) -> Place {
        if self.lines.is_json_array() { Place::Row(number) } else { Place::Line(number) }
    }

    fn row(&self, line: u64, text: &str) -> Result<Row, RowProblem> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| RowProblem::Json { column: error.column(), message: plain_message(&error) })?;
        let Value::Object(object) = value else {
            return Err(wrong_type("the line", "an object", &value));
        };
        if let (Some(units), Some(text)) = (self.split_text, &self.columns.text) {
            return self.row_of_spans(line, &object, text, units);
        }
        let content = match (&self.columns.words, &self.columns.text) {
            // Rows to be tagged may have either.
            (Some(words), Some(text)) if present(&object, words).is_err() => match present(&object, text) {
                Ok(_) => Content::Text { text: required(&object, text, "a string", string)?, text_b: None },
                Err(_) => return Err(RowProblem::NeitherValue { first: words.to_string(), second: text.to_string() }),
            },
            (Some(words), _) => Content::Words(list(&object, words, "a list of strings", string)?),
            (None, Some(text)) => Content::Text {
                text: required(&object, text, "a string", string)?,
                text_b: optional(&object, &self.columns.text_b, "a string", string)?,
            },
            (None, None) => no_content(),
        };
        let target = self.targets.as_ref().map(|targets| {
            let cell = |at: usize| cell(&object, &targets.columns[at], targets.cells());
            targets.read(cell, |at| targets.columns[at].to_string())
        });
        let target = target.transpose().map_err(|problem| (self.place(line), problem));
        let id = optional(&object, &self.columns.id, "a string, an integer or a boolean", scalar)?;
        Ok(Row { line, document: 0, id, content, target, inexact: None, no_words: Vec::new() })
    }

    /// A row whose text is split into words, and whose tags are those of spans.
    fn row_of_spans(
        &self,
        line: u64,
        object: &Map<String, Value>,
        column: &ColumnRef,
        units: TextUnits,
    ) -> Result<Row, RowProblem> {
        let text = required(object, column, "a string", string)?;
        let words = units.split(&text);
        if words.is_empty() {
            return Err(RowProblem::Empty { column: column.to_string() });
        }
        let spans = self.columns.spans.as_ref().map(|column| {
            let spans = spans_of(&column.to_string(), present(object, column)?)?;
            tags_of(&text, &words, spans)
        });
        let (target, inexact) = match spans.transpose() {
            Ok(None) => (Ok(None), None),
            Ok(Some(SpanTags { tags, inside_word })) => (Ok(Some(RowTarget::Target(Target::Tags(tags)))), inside_word),
            Err(problem) => (Err((self.place(line), problem)), None),
        };
        let id = optional(object, &self.columns.id, "a string, an integer or a boolean", scalar)?;
        let content = Content::Words(words.iter().map(|(_, word)| (*word).to_owned()).collect());
        Ok(Row { line, document: 0, id, content, target, inexact, no_words: Vec::new() })
    }
}

impl RowReader for JsonRows {
    fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        // The line borrows the reader and `row` needs `self`, so the text is copied out.
        self.line.clear();
        let (number, text) = loop {
            match self.lines.next_line() {
                Err(error) => return Some(Err(Fault::Fatal(error))),
                Ok(None) => return None,
                Ok(Some(line)) if line.bytes.trim_ascii().is_empty() => {}
                Ok(Some(line)) => {
                    self.line.extend_from_slice(line.bytes);
                    break (line.number, line.text().map(str::to_owned));
                }
            }
        };
        let row = text.and_then(|text| self.row(number, &text));
        Some(row.map_err(|problem| Fault::Bad { place: self.place(number), problem }))
    }

    fn column(&self, key: &'static str) -> String {
        let found = self.columns.given().find(|(given, _)| *given == key);
        found.map_or_else(|| key.to_owned(), |(_, column)| column.to_string())
    }

    fn record(&mut self) -> Record {
        // An element of an array may fill several lines. In a string no line ends.
        self.line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        Record::Line(std::mem::take(&mut self.line))
    }

    fn position(&self) -> Option<TextPosition> {
        Some(TextPosition::of_lines(&self.lines))
    }

    fn cr_ends_lines(&self) -> bool {
        self.lines.ends_with_cr()
    }

    fn resume(&mut self, position: TextPosition) {
        self.lines.resume(position.byte, position.line);
    }
}

/// Returns a cell of a column of targets.
fn cell(object: &Map<String, Value>, column: &ColumnRef, kind: CellKind) -> Result<Cell, RowProblem> {
    match kind {
        CellKind::Scalar => required(object, column, "a string, an integer or a boolean", scalar).map(Cell::Text),
        CellKind::List => list(object, column, "a list of strings or integers", scalar).map(Cell::List),
        CellKind::Numbers => numbers(object, column),
        CellKind::Number => required(object, column, "a number", number).map(Cell::Text),
        CellKind::Indicator => {
            required(object, column, "0 or 1", |value| number(value).or_else(|| scalar(value))).map(Cell::Text)
        }
    }
}

/// Returns a list of numbers, or an object that names them.
fn numbers(object: &Map<String, Value>, column: &ColumnRef) -> Result<Cell, RowProblem> {
    let number = |name: String, value: &Value| number(value).ok_or_else(|| wrong_type(&name, "a number", value));
    match present(object, column)? {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(at, item)| number(format!("{column}[{at}]"), item)).collect::<Result<_, _>>().map(Cell::List)
        }
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| Ok((name.clone(), number(format!("{column}.{name}"), value)?));
            fields.iter().map(field).collect::<Result<_, _>>().map(Cell::Named)
        }
        other => Err(wrong_type(&column.to_string(), "a list of numbers, or an object of them", other)),
    }
}

fn required(
    object: &Map<String, Value>,
    column: &ColumnRef,
    expected: &'static str,
    read: fn(&Value) -> Option<String>,
) -> Result<String, RowProblem> {
    let value = present(object, column)?;
    read(value).ok_or_else(|| wrong_type(&column.to_string(), expected, value))
}

fn optional(
    object: &Map<String, Value>,
    column: &Option<ColumnRef>,
    expected: &'static str,
    read: fn(&Value) -> Option<String>,
) -> Result<Option<String>, RowProblem> {
    column.as_ref().map(|column| required(object, column, expected, read)).transpose()
}

fn list(
    object: &Map<String, Value>,
    column: &ColumnRef,
    expected: &'static str,
    read: fn(&Value) -> Option<String>,
) -> Result<Vec<String>, RowProblem> {
    let value = present(object, column)?;
    let items = value.as_array().ok_or_else(|| wrong_type(&column.to_string(), expected, value))?;
    let item = |(position, value): (usize, &Value)| {
        read(value).ok_or_else(|| wrong_type(&format!("{column}[{position}]"), "a string", value))
    };
    items.iter().enumerate().map(item).collect()
}

fn present<'o>(object: &'o Map<String, Value>, column: &ColumnRef) -> Result<&'o Value, RowProblem> {
    let name = column.to_string();
    match object.get(&name) {
        None | Some(Value::Null) => Err(RowProblem::MissingValue { column: name }),
        Some(value) => Ok(value),
    }
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Strings, integers and booleans as text, and `1.0` as `1`: what pandas makes of integers where one is missing. A fraction is refused: such
/// a label is a column read by mistake.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => integer_of(&number.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<String> {
    value.as_number().map(ToString::to_string)
}

fn wrong_type(column: &str, expected: &'static str, value: &Value) -> RowProblem {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    RowProblem::Type { column: column.to_owned(), expected, found }
}

/// The parser's words without its "at line 1 column 9": it counts lines from the start of ours.
fn plain_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}
