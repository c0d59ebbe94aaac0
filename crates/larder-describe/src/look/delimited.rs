//! CSV and TSV.

use std::collections::BTreeSet;
use std::path::Path;

use larder_data::{ColumnRef, Format};

use super::beginning::Beginning;
use crate::DescribeError;
use crate::columns::{Cell, Look, LookedColumn, ROWS};

/// Rows that tell the separator.
const SNIFFED_ROWS: usize = 100;
/// Characters that the name of a column has at most.
const NAME_CHARS: usize = 64;

pub(super) fn look(path: &Path, format: Format) -> Result<Look, DescribeError> {
    let Beginning { text, whole, encoding } = Beginning::of(path)?;
    // What Python writes on Windows ends lines twice.
    let text = text.replace("\r\r\n", "\n");
    let separator = if format == Format::Csv { separator_of(&text) } else { '\t' };
    let quoting = format == Format::Csv || quotes_enclose(&text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator as u8)
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
        // The last row was cut.
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
    let separator = (separator != ',' && format == Format::Csv).then_some(separator);
    Ok(Look { format, header, quoting, separator, encoding, columns: (0..first.len()).map(column).collect() })
}

/// Returns the separator that parts most lines into as many fields as the first, of several the one that makes most.
fn separator_of(text: &str) -> char {
    let fields = |separator: char| {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator as u8)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let widths: Vec<usize> = reader.records().take(SNIFFED_ROWS).flatten().map(|record| record.len()).collect();
        let first = widths.first().copied().unwrap_or(0);
        let regular = widths.iter().filter(|width| **width == first).count();
        if regular * 10 >= widths.len() * 9 { first } else { 1 }
    };
    // The comma first: of equals the last is taken.
    [';', '|', ','].into_iter().max_by_key(|separator| fields(*separator)).unwrap_or(',')
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
