//! Results as tables.

mod against;
mod compare;
mod doctor;
mod export;
mod findings;
mod finetune;
mod fitted;
mod forecast;
mod inspect;
mod predicted;
mod runs;
mod scale;
mod seeds;
mod shots;
mod suggest;
mod verify;

use comfy_table::{CellAlignment, Table, presets};
use larder_errors::{count, seconds};
use larder_run::tasks::FileScores;
use larder_run::{Evaluation, RunRecord, StageTime, TextBlock, TextTable};

pub use against::files_compared;
pub use compare::{comparison_notes, encoder_costs, run_settings, scores};
pub use doctor::doctor;
pub use export::export;
pub use findings::{findings, learning_curve};
pub use finetune::{graphs, sweep};
pub use forecast::forecasts;
pub use inspect::{inspection, neighbours};
pub use predicted::predicted;
pub use runs::{run_record, runs};
pub use scale::{garbage, manifest, plan, plan_of_commands, plan_status, result_scores, results, shard, unneeded};
pub use seeds::seeds;
pub use shots::shots;
pub use suggest::{replay, suggested, suggestions};
pub use verify::verification;

use fitted::FittedTable;

fn table<S: AsRef<str>>(header: &[S]) -> FittedTable {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_cell_alignment(if i == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    FittedTable(table)
}

/// Formats a table as text.
fn drawn(text: &TextTable) -> String {
    let mut table = table(&text.header);
    for word in &text.words {
        if let Some(column) = table.column_mut(*word) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    text.rows.iter().for_each(|row| {
        table.add_row(row);
    });
    table.to_string()
}

fn joined(blocks: &[TextBlock]) -> String {
    let drawn = |block: &TextBlock| match block {
        TextBlock::Lines(lines) => lines.clone(),
        TextBlock::Table(table) => drawn(table),
    };
    blocks.iter().map(drawn).collect::<Vec<_>>().join("\n")
}

/// Formats all splits with their baselines, one per line.
pub fn summary(evaluation: &Evaluation) -> String {
    let scores = evaluation.scores();
    let table = if scores.splits().is_empty() { String::new() } else { drawn(&scores.summary()) };
    std::iter::once(table).chain(evaluation.remarks()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Formats every split in full.
pub fn details(evaluation: &Evaluation) -> String {
    evaluation.scores().details().iter().map(|blocks| joined(blocks)).collect::<Vec<_>>().join("\n\n")
}

/// Formats a scored file in full.
pub fn file_scores(file: &dyn FileScores) -> String {
    joined(&file.blocks())
}

/// Formats the selection of the head on train: the best entry of each candidate, the chosen one first; or why nothing was
/// chosen.
pub fn selection(record: &RunRecord) -> Option<String> {
    let head = record.head.details();
    let chosen =
        head.selection().map(|(table, below)| format!("chosen on held-out rows of train:\n{}{below}", drawn(&table)));
    chosen.or_else(|| head.outline().unchosen.map(|why| format!("nothing was chosen: {why}")))
}

/// Formats the time of all stages, with `each` of each stage too.
pub fn times(times: &[StageTime], each: bool) -> String {
    let total: f64 = times.iter().map(|time| time.seconds).sum();
    let total = format!("{} in all", seconds(total));
    if !each {
        return total;
    }
    let mut table = table(&["stage", "split", "rows", "seconds", ""]);
    for time in times {
        table.add_row(vec![
            time.stage.to_string(),
            time.split.clone(),
            count(time.rows),
            format!("{:.2}", time.seconds),
            time.note(),
        ]);
    }
    format!("{table}\n{total}")
}
