//! Results as tables for people.

mod compare;
mod doctor;
mod export;
mod findings;
mod finetune;
mod forecast;
mod inspect;
mod mlp;
mod predicted;
mod seeds;
mod sequence;
mod tagging;
mod verify;

use comfy_table::{CellAlignment, Table, presets};
use larder_pipeline::{Evaluation, FileScores, HeadRecord, RunRecord, StageTime};
use larder_train::TuningGain;

pub use compare::{encoder_costs, reading, run_settings, scores};
pub use doctor::doctor;
pub use export::export;
pub use findings::{findings, learning_curve};
pub use finetune::{graphs, sweep};
pub use forecast::forecasts;
pub use inspect::{inspection, neighbours};
pub use predicted::predicted;
pub use seeds::seeds;
pub use verify::verification;

use crate::format::{count, seconds};

/// Lines of the selection table that are shown.
const SHOWN_CANDIDATES: usize = 12;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header.to_vec());
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_cell_alignment(if i == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

/// All splits, a line each, beside their baseline.
pub fn summary(evaluation: &Evaluation) -> String {
    let table = match evaluation {
        Evaluation::Sequence(evaluation) if evaluation.splits.is_empty() => String::new(),
        Evaluation::Tagging(evaluation) if evaluation.splits.is_empty() => String::new(),
        Evaluation::Sequence(evaluation) => sequence::summary(evaluation),
        Evaluation::Tagging(evaluation) => tagging::summary(evaluation),
    };
    std::iter::once(table).chain(evaluation.remarks()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Every split in full.
pub fn details(evaluation: &Evaluation) -> String {
    let splits: Vec<String> = match evaluation {
        Evaluation::Sequence(evaluation) => {
            evaluation.splits.iter().map(|split| sequence::split(evaluation, split)).collect()
        }
        Evaluation::Tagging(evaluation) => {
            evaluation.splits.iter().map(|split| tagging::split(&split.split, &split.scores, &split.shown)).collect()
        }
    };
    splits.join("\n\n")
}

/// A scored file in full.
pub fn file_scores(file: &FileScores) -> String {
    tagging::split(&file.path.display().to_string(), &file.scores, &file.shown)
}

/// How the head was chosen on train: the best line of each candidate, the chosen one first. Or why nothing was chosen.
pub fn selection(record: &RunRecord) -> Option<String> {
    let (table, unchosen) = match &record.head {
        HeadRecord::Sequence(head) => (head.selection.as_ref().map(sequence::selection), &head.unchosen),
        HeadRecord::Tagging(head) => (head.selection.as_ref().map(tagging::selection), &head.unchosen),
        HeadRecord::Mlp(head) => (None, &head.unchosen),
        HeadRecord::Tuned(_) => (None, &None),
    };
    let chosen = table.map(|table| format!("chosen on held-out rows of train:\n{table}"));
    chosen.or_else(|| unchosen.as_ref().map(|why| format!("nothing was chosen: {why}")))
}

/// The rule, on lines of its own; runs of earlier versions do not have it.
fn rule(rule: &str) -> String {
    rule.split("; ").filter(|part| !part.is_empty()).map(|part| format!("\n{part}")).collect()
}

/// What tuning gains, with its standard error.
fn gain(gain: Option<TuningGain>) -> String {
    gain.map_or_else(String::new, |gain| format!("{:.3} ± {:.3}", gain.gain, gain.standard_error))
}

/// How well the final fit solves its problem, in a line.
pub fn convergence(record: &RunRecord) -> String {
    match &record.head {
        HeadRecord::Sequence(head) => sequence::convergence(head),
        HeadRecord::Mlp(head) => mlp::course(head),
        HeadRecord::Tagging(head) => tagging::convergence(head),
        HeadRecord::Tuned(tuned) => finetune::course(tuned),
    }
}

/// Seconds a stage.
pub fn times(times: &[StageTime]) -> String {
    let mut table = table(&["stage", "split", "rows", "seconds", ""]);
    for time in times {
        let state = match (&time.device, time.fresh) {
            (_, true) => "up to date".to_owned(),
            (Some(device), false) => device.clone(),
            (None, false) => String::new(),
        };
        table.add_row(vec![
            time.stage.to_string(),
            time.split.clone(),
            count(time.rows),
            format!("{:.2}", time.seconds),
            state,
        ]);
    }
    let total: f64 = times.iter().map(|t| t.seconds).sum();
    format!("{table}\n{} in all", seconds(total))
}
