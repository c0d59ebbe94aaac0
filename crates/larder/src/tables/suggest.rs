//! Rows worth a label, and learning curves.

use comfy_table::CellAlignment;
use larder_errors::count;
use larder_pipeline::{ReplayOutcome, SuggestOutcome};
use larder_suggest::Estimate;

use super::inspect::{in_a_line, shortened};
use super::table;

/// Characters of a text in the table.
const SHOWN_TEXT: usize = 60;

/// Formats what was chosen from, in a line.
pub fn suggested(outcome: &SuggestOutcome) -> String {
    let why = outcome.why.as_ref().map_or_else(String::new, |why| format!(", taken for {why}"));
    format!(
        "{} of {} rows by {}{why}; left out: {} equal to an earlier row, {} that are in the training split",
        count(outcome.rows.len() as u64),
        count(outcome.pool_rows as u64),
        outcome.strategy,
        count(outcome.duplicates as u64),
        count(outcome.in_training as u64)
    )
}

/// Formats the rows with their reasons, the one to label first on top.
pub fn suggestions(outcome: &SuggestOutcome) -> String {
    let mut table = table(&["row", "margin", "prediction", "text", "reason"]);
    for column in 2..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    for row in &outcome.rows {
        let text = row.text.as_deref().or(row.id.as_deref()).unwrap_or_default();
        table.add_row(vec![
            row.row.to_string(),
            format!("{:.3}", row.margin),
            row.prediction.clone(),
            in_a_line(&shortened(text, SHOWN_TEXT)),
            row.reason.clone(),
        ]);
    }
    format!("{}\n{table}", suggested(outcome))
}

/// Formats learning curves, and below them each strategy beside random choice.
pub fn replay(outcome: &ReplayOutcome) -> String {
    let mut header = vec!["labels".to_owned()];
    header.extend(outcome.summaries.iter().map(|summary| summary.strategy.to_string()));
    let mut curves = table(&header);
    for (step, labels) in outcome.labels.iter().enumerate() {
        let scores = outcome.summaries.iter().map(|summary| interval(&summary.curve[step], 3));
        curves.add_row(std::iter::once(count(*labels as u64)).chain(scores).collect::<Vec<_>>());
    }
    let mut gains = table(&["strategy", "last step", "all steps", "labels saved"]);
    for summary in outcome.summaries.iter().filter(|summary| summary.strategy.as_str() != "random") {
        let saved = interval(&summary.labels_saved, 0);
        let saved = if summary.reached { saved } else { format!("not reached {saved}") };
        gains.add_row(vec![
            summary.strategy.to_string(),
            interval(&summary.final_gain, 3),
            interval(&summary.mean_gain, 3),
            saved,
        ]);
    }
    format!(
        "{} on {}, mean and 95 % interval over {} seeds; with all {} labels {:.3}:\n{curves}\n\nbeside random choice with the same seeds, \
         and labels saved to reach its last score:\n{gains}",
        outcome.metric,
        outcome.split,
        outcome.curves.first().map_or(0, |curve| curve.scores.len()),
        count(outcome.rows as u64),
        outcome.all_labels
    )
}

fn interval(estimate: &Estimate, decimals: usize) -> String {
    let Estimate { mean, low, high } = estimate;
    format!("{mean:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
}
