//! Comparisons of encoders or runs.

use larder_errors::{bytes, count};
use larder_evaluate::SplitComparison;
use larder_metrics::Interval;
use larder_pipeline::{ComparedEncoder, EncoderComparison, EncodingCost, RunComparison};
use larder_run::{Evaluation, tasks};
use larder_store::Level;

use super::{drawn, table};

/// Formats a table per split: the scores of each encoder or run, one per line, and of the baseline.
pub fn scores(what: &str, scored: &[(String, &Evaluation)], splits: &[SplitComparison]) -> Vec<String> {
    let Some((_, first)) = scored.first() else { return Vec::new() };
    let rules = tasks::of(first.task());
    let one = |(at, split): (usize, &SplitComparison)| {
        let intervals: Vec<Interval> = split.scores.iter().map(|score| score.interval).collect();
        let table = rules.comparison(what, scored, at, &split.score_name(), &intervals);
        format!("{}: {} {}\n{}", split.split, count(split.rows as u64), rules.facts().rows, drawn(&table))
    };
    splits.iter().enumerate().map(one).collect()
}

/// Formats the costs of the encoders.
pub fn encoder_costs(outcome: &EncoderComparison) -> String {
    let rows = match outcome.level {
        Level::Sentence => "encode rows/s",
        Level::Word => "encode words/s",
        Level::Token => "encode tokens/s",
    };
    let mut table = table(&["encoder", rows, "real tokens/s", "cache", "load", "model", "hidden size", "run"]);
    for one in &outcome.encoders {
        let ComparedEncoder { names, encoding, run, .. } = one;
        let further = match one.further_columns {
            0 => String::new(),
            n => format!(" ({n} more columns)"),
        };
        table.add_row(vec![
            names.join(" = "),
            rate(encoding.rows_per_second, encoding),
            rate(encoding.tokens_per_second, encoding),
            format!("{}{further}", bytes(one.cache_bytes)),
            format!("{:.2} s", one.load_seconds),
            bytes(one.model_bytes),
            one.hidden_size.to_string(),
            run.clone(),
        ]);
    }
    let cached = outcome.encoders.iter().any(|one| one.encoding.rows_per_second.is_none());
    let hint =
        if cached { "\ncached: encoded by an earlier command; `--force` encodes again and measures" } else { "" };
    format!("{table}{hint}")
}

/// Formats a rate, `cached`, or the rate of the rows that were not cached.
fn rate(rate: Option<f64>, encoding: &EncodingCost) -> String {
    match rate {
        None => "cached".to_owned(),
        Some(rate) if encoding.cached_rows == 0 => count(rate.round() as u64),
        Some(rate) => format!(
            "{} ({} of {} rows)",
            count(rate.round() as u64),
            count(encoding.rows - encoding.cached_rows),
            count(encoding.rows)
        ),
    }
}

/// Formats the settings of the runs.
pub fn run_settings(outcome: &RunComparison) -> String {
    let mut table = table(&["run", "encoder", "head", "layers"]);
    for one in &outcome.runs {
        table.add_row(vec![one.run.clone(), one.encoder.clone(), one.head.clone(), one.layers.clone()]);
    }
    table.to_string()
}

/// Formats the differences, one per line, with a note on multiple comparisons.
pub fn comparison_notes(splits: &[SplitComparison]) -> Vec<String> {
    let mut lines = Vec::new();
    for split in splits {
        for difference in &split.differences {
            lines.push(difference.to_string());
        }
        let together: Vec<&Interval> = split.differences.iter().filter_map(|d| d.together.as_ref()).collect();
        let [first, ..] = together.as_slice() else { continue };
        let lost: Vec<&str> = split
            .differences
            .iter()
            .filter(|difference| difference.told_apart && !difference.told_apart_together)
            .map(|difference| difference.than.as_str())
            .collect();
        let holds = match (split.differences.iter().any(|d| d.told_apart), lost.as_slice()) {
            (false, _) => String::new(),
            (true, []) => "; at that level the differences above still hold".to_owned(),
            (true, lost) => format!("; at that level {} can no longer be told from {}", lost.join(", "), split.best),
        };
        lines.push(format!(
            "note: {} comparisons on {}, and the best was picked on the same rows: each at 95 %, one of them is wrong by \
             luck more often than that; all together are as sure at {:.2} % each{holds}",
            together.len(),
            split.split,
            100.0 * first.level
        ));
    }
    lines
}
