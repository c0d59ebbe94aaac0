//! Encoders or runs side by side.

use larder_metrics::Interval;
use larder_pipeline::{
    ComparedEncoder, EncoderComparison, Encoding, Evaluation, RunComparison, SplitComparison, SplitEvaluation,
    TaggingSplitEvaluation,
};
use larder_store::Level;

use super::table;
use crate::format::{bytes, count};

/// A table a split: each subject's scores, a line each, and what knowing nothing scores.
pub fn scores(what: &str, subjects: &[(String, &Evaluation)], splits: &[SplitComparison]) -> Vec<String> {
    let one = |(at, split): (usize, &SplitComparison)| {
        let (mut table, unit) = match subjects.first() {
            Some((_, Evaluation::Tagging(_))) => (tagging_table(what, subjects, at), "sentences"),
            _ => (sequence_table(what, subjects, split, at), "rows"),
        };
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
        format!("{}: {} {unit}\n{table}", split.split, count(split.rows as u64))
    };
    splits.iter().enumerate().map(one).collect()
}

fn sequence_table(
    what: &str,
    subjects: &[(String, &Evaluation)],
    split: &SplitComparison,
    at: usize,
) -> comfy_table::Table {
    let interval = format!("95 % interval of {}", split.score_name());
    let mut table = table(&[what, "MCC", "accuracy", "macro F1", &interval, "against the majority"]);
    let mut constant = None;
    for ((name, evaluation), score) in subjects.iter().zip(&split.scores) {
        let Evaluation::Sequence(evaluation) = evaluation else { continue };
        let SplitEvaluation { scores, majority, against_majority, .. } = &evaluation.splits[at];
        table.add_row(vec![
            name.clone(),
            format!("{:.3}", scores.mcc),
            format!("{:.3}", scores.accuracy),
            format!("{:.3}", scores.macro_f1),
            range(&score.interval),
            against_majority.in_words(),
        ]);
        constant = Some(&majority.scores);
    }
    if let Some(scores) = constant {
        table.add_row(vec![
            "(majority baseline)".to_owned(),
            format!("{:.3}", scores.mcc),
            format!("{:.3}", scores.accuracy),
            format!("{:.3}", scores.macro_f1),
            String::new(),
            String::new(),
        ]);
    }
    table
}

fn tagging_table(what: &str, subjects: &[(String, &Evaluation)], at: usize) -> comfy_table::Table {
    let mut table =
        table(&[what, "strict F1", "95 % interval", "strict P", "strict R", "conlleval F1", "token accuracy"]);
    let mut outside = None;
    for (name, evaluation) in subjects {
        let Evaluation::Tagging(evaluation) = evaluation else { continue };
        let TaggingSplitEvaluation { scores, .. } = &evaluation.splits[at];
        let strict = &scores.strict.micro;
        table.add_row(vec![
            name.clone(),
            format!("{:.3}", strict.f1),
            range(&scores.strict_f1_interval),
            format!("{:.3}", strict.precision),
            format!("{:.3}", strict.recall),
            format!("{:.3}", scores.conlleval.micro.f1),
            format!("{:.3}", scores.token_accuracy),
        ]);
        outside = Some(scores.all_outside_accuracy);
    }
    if let Some(accuracy) = outside {
        let nothing = || "0.000".to_owned();
        let row = [nothing(), String::new(), nothing(), nothing(), nothing(), format!("{accuracy:.3}")];
        table.add_row(std::iter::once("(always O)".to_owned()).chain(row).collect::<Vec<_>>());
    }
    table
}

/// What each encoder costs.
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

/// A rate, `cached`, or a rate of a part.
fn rate(rate: Option<f64>, encoding: &Encoding) -> String {
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

/// What the runs differ in.
pub fn run_settings(outcome: &RunComparison) -> String {
    let mut table = table(&["run", "encoder", "head", "layers"]);
    for one in &outcome.runs {
        table.add_row(vec![one.run.clone(), one.encoder.clone(), one.head.clone(), one.layers.clone()]);
    }
    table.to_string()
}

/// Which differences are real, a line each, and what to keep in mind.
pub fn reading(splits: &[SplitComparison]) -> Vec<String> {
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

fn range(interval: &Interval) -> String {
    format!("{:.3} to {:.3}", interval.low, interval.high)
}
