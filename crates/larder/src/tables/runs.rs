//! Runs as tables.

use larder_errors::date;
use larder_run::{ListedRun, RunError, RunRecord, TextTable, tasks};

use super::{drawn, table};

/// Formats the runs there are, one per line, with the scores of the first split that each was judged by.
pub fn runs(all: &[(String, Result<ListedRun, RunError>)]) -> String {
    let header = ["run", "data", "encoder", "head", "split", "score", "value", "95 % interval", "made"];
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for (name, run) in all {
        let run = match run {
            Ok(run) => run,
            Err(error) => {
                broken.push(format!("{name} is broken: {error}"));
                continue;
            }
        };
        let mut row = vec![run.run.clone(), run.dataset.clone(), run.encoder.clone(), run.head.clone()];
        row.extend(match run.scores.first() {
            Some(one) => {
                let interval = format!("{:.3} to {:.3}", one.low, one.high);
                [one.split.clone(), one.score.to_owned(), format!("{:.3}", one.value), interval]
            }
            None => ["", "", "not evaluated", ""].map(str::to_owned),
        });
        row.push(date(run.created_unix_seconds));
        rows.push(row);
    }
    let text = TextTable { header: header.map(str::to_owned).to_vec(), words: vec![0, 1, 2, 3, 4, 5, 8], rows };
    std::iter::once(drawn(&text)).chain(broken).collect::<Vec<_>>().join("\n")
}

/// Formats what a run was made with.
pub fn run_record(record: &RunRecord) -> String {
    let outline = record.head.details().outline();
    let rows: usize = record.train_counts.iter().sum();
    let units = tasks::of(outline.task).facts().units;
    let versions: Vec<String> = record.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let facts = [
        ("task", outline.task.to_string()),
        ("data", format!("{} ({})", record.dataset, record.dataset_path.display())),
        ("trained on", format!("{}: {rows} {units}", record.train_split)),
        ("encoder", record.encoder.clone()),
        ("columns offered", record.columns_tried.join(", ")),
        ("head", outline.kind),
        ("made", date(record.created_unix_seconds)),
        ("versions", versions.join(", ")),
    ];
    let mut table = table(&["", &record.run]);
    for (name, value) in facts {
        table.add_row(vec![name.to_owned(), value]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    table.to_string()
}
