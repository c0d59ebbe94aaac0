//! JSON lines, or a JSON array.

use std::collections::BTreeMap;
use std::path::Path;

use larder_data::{ColumnRef, Format};
use serde_json::Value;

use super::beginning::Beginning;
use crate::DescribeError;
use crate::columns::{Cell, Look, LookedColumn, ROWS};

pub(super) fn look(path: &Path) -> Result<Look, DescribeError> {
    let Beginning { text, whole, encoding } = Beginning::of(path)?;
    // Names in the order in which they come first; a row's values by name.
    let mut names: Vec<String> = Vec::new();
    let mut rows: Vec<BTreeMap<String, Cell>> = Vec::new();
    let values = if text.trim_start().starts_with('[') { elements(&text) } else { lines(&text, whole) };
    for value in values {
        // Rows that are no objects are for the reader to complain of.
        let Value::Object(object) = value else { continue };
        let mut row = BTreeMap::new();
        for (name, value) in object {
            if !names.contains(&name) {
                names.push(name.clone());
            }
            row.insert(name, cell(value));
        }
        rows.push(row);
    }
    let column = |name: String| LookedColumn {
        cells: rows.iter().map(|row| row.get(&name).cloned().unwrap_or(Cell::Missing)).collect(),
        column: ColumnRef::Name(name),
    };
    Ok(Look {
        format: Format::Jsonl,
        header: false,
        quoting: false,
        separator: None,
        encoding,
        columns: names.into_iter().map(column).collect(),
    })
}

/// Returns the values of the first lines. The last line may be cut.
fn lines(text: &str, whole: bool) -> Vec<Value> {
    let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
    if !whole {
        lines.pop();
    }
    lines.into_iter().filter_map(|line| serde_json::from_str(line).ok()).take(ROWS).collect()
}

/// Returns the first elements of an array, up to one that is cut or none.
fn elements(text: &str) -> Vec<Value> {
    let (mut elements, mut rest) = (Vec::new(), text.trim_start());
    while let Some(text) = rest.strip_prefix(['[', ',']).filter(|_| elements.len() < ROWS) {
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let Some(Ok(value)) = values.next() else { break };
        elements.push(value);
        rest = text[values.byte_offset()..].trim_start();
    }
    elements
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Missing,
        Value::Bool(flag) => Cell::Flag(flag),
        Value::Number(number) => number.as_f64().map_or(Cell::Other, Cell::Number),
        // A number in quotes is a text: a label, or what somebody wrote.
        Value::String(text) if text.trim().is_empty() => Cell::Missing,
        Value::String(text) => Cell::Text(text),
        Value::Array(values) => {
            if !values.is_empty() && values.iter().all(is_span) {
                return Cell::Spans;
            }
            let texts = values.into_iter().map(|value| match value {
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            texts.collect::<Option<Vec<_>>>().map_or(Cell::Other, Cell::List)
        }
        Value::Object(_) => Cell::Other,
    }
}

/// Whether a value is `[first, behind, label]`, or an object that says so.
fn is_span(value: &Value) -> bool {
    match value {
        Value::Array(parts) => matches!(&parts[..], [Value::Number(_), Value::Number(_), Value::String(_)]),
        Value::Object(parts) => ["start", "start_offset"].iter().any(|key| parts.contains_key(*key)),
        _ => false,
    }
}
