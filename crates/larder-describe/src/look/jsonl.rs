//! JSON lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use larder_data::{ColumnRef, Format};
use serde_json::Value;

use crate::DescribeError;
use crate::columns::{BYTES, Cell, Look, LookedColumn, ROWS};

pub(super) fn look(path: &Path) -> Result<Look, DescribeError> {
    let failed = |source| DescribeError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let whole = file.metadata().map_err(failed)?.len() <= BYTES;
    // Names in the order in which they come first; a row's values by name.
    let mut names: Vec<String> = Vec::new();
    let mut rows: Vec<BTreeMap<String, Cell>> = Vec::new();
    let mut lines = BufReader::new(file.take(BYTES)).split(b'\n').peekable();
    while let Some(line) = lines.next() {
        let line = line.map_err(failed)?;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        let cut = !whole && lines.peek().is_none();
        if cut || rows.len() == ROWS {
            break;
        }
        // Rows that are no objects are for the reader to complain of.
        let Ok(Value::Object(object)) = serde_json::from_str(text) else { continue };
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
    Ok(Look { format: Format::Jsonl, header: false, quoting: false, columns: names.into_iter().map(column).collect() })
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
