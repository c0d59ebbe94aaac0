//! `submit`: the missing shards of a plan for an engine.

use std::path::{Path, PathBuf};

use larder_scale::{Commit, ObjectUri, Plan, Store, StoredPlan, Submission, Workload, missing_shards};
use serde_json::json;

use super::Context;
use crate::cli::{SubmitCommand, WorkloadFlags};
use crate::failure::Failure;

pub fn submit(context: &Context, command: &SubmitCommand) -> Result<(), Failure> {
    let flags = command.workload();
    let plan = ObjectUri::plan(&flags.plan)?;
    let store = Store::open(&plan.store)?;
    let shards = StoredPlan::read(&store, &plan.plan_id)?.shards();
    let missing = missing_shards(&Commit::shards(&store, &plan.plan_id)?, shards);
    let uri = Plan::uri(&store, &plan.plan_id);
    if missing.is_empty() {
        return context.print(&format!("nothing is missing: go on with `larder collect {uri}`"));
    }
    let submission = submission(context, command, workload(flags, uri, missing, shards))?;
    if flags.dry_run {
        return context.print(submission.text.trim_end());
    }
    let said = submission.send()?;
    match context.json {
        true => context.print_json(&json!({"plan": flags.plan, "said": said})),
        false => context.print(&said),
    }
}

fn submission(context: &Context, command: &SubmitCommand, workload: Workload) -> Result<Submission, Failure> {
    Ok(match command {
        SubmitCommand::Slurm(args) => {
            let here = std::env::current_exe().ok().map(|path| path.display().to_string());
            let home = std::path::absolute(context.larder.home().root()).unwrap_or_else(|_| PathBuf::from("artifacts"));
            let home = ["--home".to_owned(), home.display().to_string()];
            let work_options = home.into_iter().chain(scratch(args.scratch.as_deref())).collect();
            let larder = args.larder.clone().or(here).unwrap_or(workload.larder);
            let memory_gib = args.memory_gib;
            Workload { larder, work_options, memory_gib, ..workload }.slurm(&args.options())
        }
        SubmitCommand::K8s(args) => {
            let (larder, memory_gib) = (args.larder.clone(), args.memory_gib);
            Workload { larder, memory_gib, ..workload }.kubernetes(&args.options())?
        }
        SubmitCommand::Ray(args) => {
            let (larder, work_options) = (args.larder.clone(), scratch(args.scratch.as_deref()));
            Workload { larder, work_options, ..workload }.ray(&args.options())
        }
    })
}

fn workload(flags: &WorkloadFlags, plan: String, missing: Vec<usize>, shards: usize) -> Workload {
    Workload {
        plan,
        missing,
        shards,
        larder: "larder".to_owned(),
        work_options: Vec::new(),
        threads: flags.threads as usize,
        gpus: flags.gpus,
        memory_gib: 0,
        workers: flags.workers.map(|workers| workers as usize),
        retries: flags.retries,
    }
}

/// The options of `larder work` for its scratch folder.
fn scratch(folder: Option<&Path>) -> Vec<String> {
    folder.map_or_else(Vec::new, |folder| vec!["--scratch".to_owned(), folder.display().to_string()])
}
