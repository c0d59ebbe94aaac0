//! Verification of a features file.

use larder_errors::{count, counted};
use larder_pipeline::FeaturesVerification;

use super::table;

/// Formats the rows compared, the differences, and the verdict.
pub fn verification(found: &FeaturesVerification) -> String {
    let mut columns = table(&["column", "largest difference", "of the vector's rms", "in row"]);
    for column in &found.columns {
        columns.add_row(vec![
            column.column.clone(),
            format!("{:.2e}", column.largest_absolute),
            format!("{:.2e}", column.largest_relative),
            column.worst_row.map_or_else(|| "equal".to_owned(), |row| row.to_string()),
        ]);
    }
    let device = found.device.as_ref().map_or_else(String::new, |device| format!(" on {device}"));
    let mut text = format!(
        "{}\n{} of {} ({} of {}) encoded again with {}{device}\n{columns}\n",
        found.features.display(),
        count(found.rows_checked as u64),
        counted(found.rows as u64, "row"),
        count(found.examples_checked as u64),
        counted(found.examples as u64, "example"),
        found.encoder,
    );
    for note in &found.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    if found.is_sound() {
        text.push_str(&format!("all are what the encoder gives (tolerance {:.0e})", found.tolerance));
        return text;
    }
    text.push_str(&match found.wrong_rows {
        1 => "1 row is not what the encoder gives:".to_owned(),
        wrong => format!("{} rows are not what the encoder gives:", count(wrong as u64)),
    });
    for wrong in &found.wrong {
        text.push_str(&format!(
            "\n  row {} (example_id {}): {} differs by {:.2e} of its rms",
            wrong.row, wrong.example_id, wrong.column, wrong.relative
        ));
    }
    text
}
