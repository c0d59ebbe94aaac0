//! A word a line.

use std::path::Path;

use larder_data::{ColumnRef, Format};

use super::beginning::Beginning;
use crate::DescribeError;
use crate::columns::{Cell, Look, LookedColumn, ROWS};

/// Share of lines with as many columns as the most.
const REGULAR: f64 = 0.95;

/// Returns true if the file has words in lines: blank lines between sentences, as many columns everywhere, and `O` among the last.
pub(super) fn is_so(path: &Path) -> Result<bool, DescribeError> {
    let Beginning { text, .. } = Beginning::of(path)?;
    let has_blank_lines = text.trim().lines().take(ROWS).any(|line| line.trim().is_empty());
    let lines = lines(&text);
    let width = lines.iter().map(Vec::len).max().unwrap_or(0);
    let regular = lines.iter().filter(|fields| fields.len() == width).count() as f64;
    let has_outside = lines.iter().any(|fields| matches!(fields.last(), Some(&("O" | "o"))));
    Ok(width > 1 && has_blank_lines && has_outside && regular >= REGULAR * lines.len() as f64)
}

/// The fields of the first lines with words.
fn lines(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("-DOCSTART-"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| !fields.is_empty())
        .take(ROWS)
        .collect()
}

pub(super) fn look(path: &Path) -> Result<Look, DescribeError> {
    let Beginning { text, encoding, .. } = Beginning::of(path)?;
    let lines = lines(&text);
    let width = lines.iter().map(Vec::len).min().unwrap_or(0);
    let column = |at: usize| LookedColumn {
        column: ColumnRef::Position(at),
        // Digits are words here.
        cells: lines.iter().map(|fields| Cell::Text(fields[at].to_owned())).collect(),
    };
    Ok(Look {
        format: Format::Conll,
        header: false,
        quoting: false,
        separator: None,
        encoding,
        columns: (0..width).map(column).collect(),
    })
}
