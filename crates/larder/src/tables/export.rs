//! Results of an export and its check.

use larder_errors::{bytes, count, counted, seconds};
use larder_export::ExportOutcome;
use larder_export::{Cost, Score};

use super::table;

/// Formats the folder, the check in a line, and the cost of a precision below float32.
pub fn export(outcome: &ExportOutcome) -> String {
    let (record, check) = (&outcome.record, &outcome.record.check);
    let files: Vec<String> = record.files.iter().map(|(name, file)| format!("{name} {}", bytes(file.bytes))).collect();
    let mut text = format!(
        "{}: {}\nchecked on {} of {}: {}",
        outcome.folder.display(),
        files.join(", "),
        rows(check.rows),
        check.split,
        check.differences(),
    );
    if check.too_long > 0 {
        let long = count(check.too_long as u64);
        text.push_str(&format!("\n{long} sentences are longer than the encoder reads at once and were left out"));
    }
    if let Some(Cost { float32, this }) = &check.cost {
        let names: Vec<&str> = this.scores.iter().map(|(name, _)| name.as_str()).collect();
        let mut costs = table(&[&["precision", "model.onnx", "runs"], &names[..]].concat());
        let precision = record.precision.to_string();
        for (name, Score { bytes: size, seconds: time, scores }) in [("f32", float32), (&precision, this)] {
            let values = scores.iter().map(|(_, value)| format!("{value:.3}"));
            costs.add_row([name.to_owned(), bytes(*size), seconds(*time)].into_iter().chain(values));
        }
        text.push_str(&format!("\n\n{costs}"));
    }
    text
}

fn rows(rows: usize) -> String {
    counted(rows as u64, "row")
}
