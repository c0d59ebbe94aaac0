//! Verification of a features file.

use larder_errors::count;
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
        "{}\n{} of {} rows ({} of {} examples) encoded again with {}{device}\n{columns}\n",
        found.features.display(),
        count(found.rows_checked as u64),
        count(found.rows as u64),
        count(found.examples_checked as u64),
        count(found.examples as u64),
        found.encoder,
    );
    for note in &found.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    if found.is_sound() {
        text.push_str(&format!("all are what the encoder gives (tolerance {:.0e})", found.tolerance));
        return text;
    }
    text.push_str(&format!("{} rows are not what the encoder gives:", count(found.wrong_rows as u64)));
    for wrong in &found.wrong {
        text.push_str(&format!(
            "\n  row {} (example_id {}): {} differs by {:.2e} of its rms",
            wrong.row, wrong.example_id, wrong.column, wrong.relative
        ));
    }
    text
}
