//! Comparisons of encoders or runs.

use std::fmt::Write;

use larder_errors::{bytes, count, counted};
use larder_evaluate::SplitComparison;
use larder_metrics::Interval;
use larder_pipeline::{Bfloat16, ComparedEncoder, EncoderComparison, EncodingCost, RunComparison};
use larder_run::page::{number, range};
use larder_run::{ComparedScores, Evaluation, tasks};
use larder_store::Level;

use super::table;

/// Formats a table per split: the scores of each encoder or run, one per line, and of the baseline.
pub fn scores(what: &str, scored: &[(String, &Evaluation)], splits: &[SplitComparison]) -> Vec<String> {
    let Some((_, first)) = scored.first() else { return Vec::new() };
    let rules = tasks::of(first.task());
    let one = |(at, split): (usize, &SplitComparison)| {
        format!(
            "{}: {} {}\n{}",
            split.split,
            count(split.rows as u64),
            rules.facts().rows,
            split_scores(what, scored, at, split)
        )
    };
    splits.iter().enumerate().map(one).collect()
}

/// Formats the scores of each encoder or run on split number `at`, one per line, and of the baseline.
fn split_scores(what: &str, scored: &[(String, &Evaluation)], at: usize, split: &SplitComparison) -> String {
    let compared: Vec<ComparedScores> =
        scored.iter().filter_map(|(_, one)| Some(one.scores().splits().get(at)?.compared())).collect();
    let Some(last) = compared.last() else { return String::new() };
    let mut header = vec![what.to_owned()];
    header.extend(last.scores.iter().map(|(name, ..)| (*name).to_owned()));
    header.push(format!("95 % interval of {}", split.score_name()));
    header.extend(last.against.as_ref().map(|(baseline, _)| format!("against the {baseline}")));
    let mut table = table(&header.iter().map(String::as_str).collect::<Vec<_>>());
    for ((name, _), (one, score)) in scored.iter().zip(compared.iter().zip(&split.scores)) {
        let mut line = vec![name.clone()];
        line.extend(one.scores.iter().map(|(_, score, _)| number(*score)));
        line.push(range(&score.interval));
        line.extend(one.against.as_ref().map(|(_, verdict)| verdict.clone()));
        table.add_row(line);
    }
    let mut line = vec![format!("({})", last.baseline)];
    line.extend(last.scores.iter().map(|(.., constant)| number(*constant)));
    line.resize(header.len(), String::new());
    table.add_row(line);
    table.to_string()
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
            n => format!(" ({} more)", counted(n as u64, "column")),
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
    let mut text = table.to_string();
    if cached {
        text.push_str("\ncached: encoded by an earlier command; `--force` encodes again and measures");
    }
    for one in &outcome.encoders {
        let Some(bfloat16) = &one.bfloat16 else { continue };
        let Bfloat16 { texts, times_as_fast, lowest_cosine } = bfloat16;
        // Rounded down: `at least` stays true.
        let lowest_cosine = (lowest_cosine * 1e5).floor() / 1e5;
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n{0}: in bfloat16 {times_as_fast:.2} times as fast here, cosine at least {lowest_cosine:.5} on {1}: `larder encode \
             --graph bfloat16 -e {0}`",
            one.names[0],
            counted(*texts as u64, "text"),
        );
    }
    text
}

/// Formats a rate, `cached`, or the rate of the rows that were not cached.
fn rate(rate: Option<f64>, encoding: &EncodingCost) -> String {
    match rate {
        None => "cached".to_owned(),
        Some(rate) if encoding.cached_rows == 0 => count(rate.round() as u64),
        Some(rate) => format!(
            "{} ({} of {})",
            count(rate.round() as u64),
            count(encoding.rows - encoding.cached_rows),
            counted(encoding.rows, "row")
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
