//! A word a line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use larder_data::{ColumnRef, Format};

use crate::DescribeError;
use crate::columns::{BYTES, Cell, Look, LookedColumn, ROWS};

pub(super) fn look(path: &Path) -> Result<Look, DescribeError> {
    let failed = |source| DescribeError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("-DOCSTART-"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| !fields.is_empty())
        .take(ROWS)
        .collect();
    let width = lines.iter().map(Vec::len).min().unwrap_or(0);
    let column = |at: usize| LookedColumn {
        column: ColumnRef::Position(at),
        // Digits are words here.
        cells: lines.iter().map(|fields| Cell::Text(fields[at].to_owned())).collect(),
    };
    Ok(Look { format: Format::Conll, header: false, quoting: false, columns: (0..width).map(column).collect() })
}
