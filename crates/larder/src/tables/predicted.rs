//! The result of `predict` for a file.

use larder_errors::{count, counted, seconds};
use larder_predict::FileOutcome;

/// Returns one line, and one for each exception.
pub fn predicted(outcome: &FileOutcome) -> String {
    let path = outcome.output.display();
    if outcome.fresh {
        return format!("{path}: up to date, {}", counted(outcome.rows, "row"));
    }
    let answered = outcome.rows - outcome.resumed_rows;
    let speed = match &outcome.device {
        Some(device) => format!(" on {device}, {:.0} rows/s", answered as f64 / outcome.seconds.max(1e-3)),
        None => String::new(),
    };
    let mut text = format!("{path}: {} in {}{speed}", counted(outcome.rows, "row"), seconds(outcome.seconds));
    let others = [
        (outcome.resumed_rows, "kept from an interrupted run"),
        (outcome.unanswered_rows, "without a text, and so without an answer"),
        (outcome.truncated_rows, "cut: longer than the run reads"),
    ];
    for (rows, what) in others.iter().filter(|(rows, _)| *rows > 0) {
        text.push_str(&format!("\n  {} {what}", count(*rows)));
    }
    text
}
