//! Scores of heads on a few rows a class.

use larder_errors::counted;
use larder_pipeline::{Scores, ShotsOutcome};

use super::table;

/// Formats the mean and deviation of every head's scores.
pub fn shots(outcome: &ShotsOutcome) -> String {
    let mut table =
        table(&["split", "rows a class", "rows", "head", "accuracy", "MCC", "macro F1", "seconds of a fit"]);
    for entry in &outcome.entries {
        let score = |score: &Scores| format!("{:.3} ± {:.3}", score.summary.mean, score.summary.deviation);
        table.add_row([
            entry.split.clone(),
            entry.shots.to_string(),
            entry.rows.to_string(),
            entry.head.clone(),
            score(&entry.accuracy),
            score(&entry.mcc),
            score(&entry.macro_f1),
            format!("{:.3}", entry.fit_seconds),
        ]);
    }
    let notes: String = outcome.notes.iter().map(|note| format!("\nnote: {note}")).collect();
    format!("{table}\nmean ± standard deviation of {}{notes}", counted(outcome.seeds.len() as u64, "draw"))
}
