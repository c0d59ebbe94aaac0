//! CSV and TSV.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use larder_data::{ColumnRef, Format};

use crate::DescribeError;
use crate::columns::{BYTES, Cell, Look, LookedColumn, ROWS};

/// Characters that the name of a column has at most.
const NAME_CHARS: usize = 64;

pub(super) fn look(path: &Path, delimiter: u8, format: Format) -> Result<Look, DescribeError> {
    let failed = |source| DescribeError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let whole = file.metadata().map_err(failed)?.len() <= BYTES;
    file.take(BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let text = String::from_utf8_lossy(bytes);
    let quoting = format == Format::Csv || quotes_enclose(&text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quoting)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records: Vec<csv::StringRecord> = Vec::new();
    for record in reader.records().take(ROWS + 1) {
        let unreadable =
            |error: csv::Error| DescribeError::Unreadable { path: path.to_owned(), problem: error.to_string() };
        records.push(record.map_err(unreadable)?);
    }
    if !whole && records.len() <= ROWS {
        // It was cut in its middle.
        records.pop();
    }
    let Some(first) = records.first().cloned() else { return Err(DescribeError::Empty { path: path.to_owned() }) };
    let header = names_columns(&first, records.get(1..).unwrap_or_default());
    let rows = &records[usize::from(header)..records.len().min(ROWS + usize::from(header))];
    let column = |at: usize| LookedColumn {
        column: match header {
            true => ColumnRef::Name(first[at].to_owned()),
            false => ColumnRef::Position(at),
        },
        cells: rows.iter().map(|row| row.get(at).map_or(Cell::Missing, Cell::of_text)).collect(),
    };
    Ok(Look { format, header, quoting, columns: (0..first.len()).map(column).collect() })
}

/// Returns true if quotes enclose fields: they stand around whole fields alone, and either around one of almost every line, or around one with
/// doubled quotes inside. Else a text in quotes may be what somebody wrote.
fn quotes_enclose(text: &str) -> bool {
    let (mut lines, mut lines_with, mut doubled) = (0, 0, false);
    for line in text.lines().take(ROWS) {
        let quoted: Vec<&str> = line.split('\t').filter(|field| field.contains('"')).collect();
        if !quoted.iter().all(|field| field.len() > 1 && field.starts_with('"') && field.ends_with('"')) {
            return false;
        }
        doubled |= quoted.iter().any(|field| field[1..field.len() - 1].contains("\"\""));
        lines += 1;
        lines_with += usize::from(!quoted.is_empty());
    }
    doubled || lines_with * 10 > lines * 9
}

/// Returns true if the first row names the columns: short, different texts without a number among them, where the rows below are not all of the
/// same values.
fn names_columns(first: &csv::StringRecord, rows: &[csv::StringRecord]) -> bool {
    let fields: Vec<&str> = first.iter().map(str::trim).collect();
    let is_name = |field: &&str| {
        !field.is_empty() && field.chars().count() <= NAME_CHARS && matches!(Cell::of_text(field), Cell::Text(_))
    };
    let different: BTreeSet<&str> = fields.iter().copied().collect();
    // A label below a label of its own kind: a first row that stands in its column again is a row.
    let stands_again = fields.iter().enumerate().any(|(at, field)| rows.iter().any(|row| row.get(at) == Some(field)));
    fields.iter().all(is_name) && different.len() == fields.len() && !stands_again
}
