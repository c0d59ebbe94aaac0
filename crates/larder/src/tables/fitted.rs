//! Tables that fit the terminal.

use std::fmt;
use std::ops::{Deref, DerefMut};

use comfy_table::{Row, Table};
use terminal_size::{Width, terminal_size_of};

/// A table that is shown as a list where the terminal of standard output is too narrow for it. What is no terminal has no width.
pub struct FittedTable(pub Table);

impl Deref for FittedTable {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.0
    }
}

impl DerefMut for FittedTable {
    fn deref_mut(&mut self) -> &mut Table {
        &mut self.0
    }
}

impl fmt::Display for FittedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = terminal_size_of(std::io::stdout()).map(|(Width(columns), _)| usize::from(columns));
        f.write_str(&fitted(&self.0, width))
    }
}

/// Returns the table, or a list where it is wider than `width` columns.
fn fitted(table: &Table, width: Option<usize>) -> String {
    let text = table.to_string();
    match width.filter(|&width| text.lines().any(|line| line.chars().count() > width)) {
        Some(width) => list(table, width),
        None => text,
    }
}

/// Returns a list: the first cell of each row, and below it the other cells with the names of their columns.
fn list(table: &Table, width: usize) -> String {
    let cells = |row: &Row| row.cell_iter().map(|cell| cell.content().trim().to_owned()).collect::<Vec<_>>();
    let names = table.header().map(cells).unwrap_or_default();
    let mut lines = Vec::new();
    for row in table.row_iter().map(cells) {
        let Some((first, others)) = row.split_first() else { continue };
        lines.push(first.clone());
        let filled = names.iter().skip(1).zip(others).filter(|(_, value)| !value.is_empty());
        let parts =
            filled.map(|(name, value)| if name.is_empty() { value.clone() } else { format!("{name}: {value}") });
        let mut line = String::new();
        for part in parts {
            // A mark and a blank between, and a mark at the end.
            if !line.is_empty() && line.chars().count() + part.chars().count() + 3 > width {
                lines.push(line + ";");
                line = String::new();
            }
            line = if line.is_empty() { format!("  {part}") } else { format!("{line}; {part}") };
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::table;

    #[test]
    fn a_table_that_is_too_wide_is_a_list_without_loss() {
        let mut table = table(&["split", "rows", "accuracy", "MCC", "", "against the majority"]);
        table.add_row(["dev", "300", "0.950", "0.900", "", "above"]);
        table.add_row(["test", "1,000", "0.940", "0.880", "old", "accuracy AT, MCC above 0"]);
        let whole = fitted(&table, None);
        assert!(whole.starts_with('|') && whole.lines().count() == 4, "{whole}");
        assert_eq!(fitted(&table, Some(120)), whole);
        let list = fitted(&table, Some(50));
        let expected = "dev\n  rows: 300; accuracy: 0.950; MCC: 0.900;\n  against the majority: above\n\
                        test\n  rows: 1,000; accuracy: 0.940; MCC: 0.880; old;\n  \
                        against the majority: accuracy AT, MCC above 0";
        assert_eq!(list, expected);
        assert!(list.lines().all(|line| line.chars().count() <= 50));
    }
}
