//! Scores of one set-up with several seeds.

use larder_pipeline::SeedsOutcome;

use super::table;

/// Formats the mean and deviation of every score, and the value of each seed.
pub fn seeds(outcome: &SeedsOutcome) -> String {
    let names: Vec<String> = outcome.seeds.iter().map(|seed| format!("seed {seed}")).collect();
    let mut header = vec!["split", "score", "mean", "sd", "lowest", "highest"];
    header.extend(names.iter().map(String::as_str));
    let mut table = table(&header);
    for entry in &outcome.summary {
        let summary = &entry.summary;
        let numbers = [summary.mean, summary.deviation, summary.min, summary.max];
        let mut row = vec![entry.split.clone(), entry.score.to_owned()];
        row.extend(numbers.iter().chain(&entry.values).map(|value| format!("{value:.3}")));
        table.add_row(row);
    }
    match outcome.runs.len() {
        1 => format!("one run, of one seed:\n{table}"),
        runs => format!("{runs} runs that differ in their seed:\n{table}"),
    }
}
