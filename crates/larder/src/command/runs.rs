//! `runs`, `runs show`, `runs rm`.

use larder_pipeline::remove_run;
use larder_run::{Evaluation, ListedRun, RunRecord};
use serde_json::json;

use super::Context;
use crate::cli::{RunsArgs, RunsCommand};
use crate::failure::Failure;
use crate::{log, tables};

pub fn runs(context: &Context, args: &RunsArgs) -> Result<(), Failure> {
    match &args.command {
        None => list(context),
        Some(RunsCommand::Show { run }) => show(context, run),
        Some(RunsCommand::Rm { runs }) => {
            runs.iter().try_for_each(|run| remove_run(&context.larder, run))?;
            match context.json {
                true => context.print_json(&json!({ "removed": runs })),
                false => context.print(&format!("removed {}", runs.join(", "))),
            }
        }
    }
}

fn list(context: &Context) -> Result<(), Failure> {
    let all = ListedRun::all(&context.larder);
    if context.json {
        let listed = |(name, run): &(String, Result<ListedRun, _>)| match run {
            Ok(run) => json!(run),
            Err(error) => json!({ "run": name, "broken": larder_run::RunError::to_string(error) }),
        };
        return context.print_json(&all.iter().map(listed).collect::<Vec<_>>());
    }
    if all.is_empty() {
        log::progress("no runs yet: `larder run DATASET --encoder NAME` makes one");
        return Ok(());
    }
    context.print(&tables::runs(&all))
}

fn show(context: &Context, run: &str) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, run)?;
    let folder = record.folder(&context.larder)?;
    let evaluation = Evaluation::load(&folder, &record);
    if context.json {
        return context.print_json(&json!({ "record": record, "evaluation": evaluation }));
    }
    context.print(&tables::run_record(&record))?;
    if let Some(selection) = tables::selection(&record) {
        context.print(&selection)?;
    }
    context.print(&record.head.details().summary())?;
    match evaluation {
        Some(evaluation) => context.print(&tables::summary(&evaluation))?,
        None => context.print(&format!("there are no scores yet: `larder eval {run}` makes them"))?,
    }
    context.print(&format!("run {run}: {}", folder.display()))
}
