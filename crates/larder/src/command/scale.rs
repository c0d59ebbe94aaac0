//! `plan`, `work`, `collect`, `status`, `gc`.

use std::path::Path;

use larder_data::DatasetSpec;
use larder_pipeline::{
    CommandsRequest, PlanRequest, ReadyCommand, WorkRequest, collect_unneeded, make_plan, plan_commands,
};
use larder_run::{Event, Observer};
use larder_scale::{Collected, ObjectUri, ResultSet, Store, StoreUri, collect_garbage, index_ranges};
use serde_json::json;

use super::Context;
use super::pipeline_commands::{note_length, note_published};
use super::planned;
use crate::cli::{CollectArgs, GcArgs, PlanArgs, StatusArgs, WorkArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::signals;
use crate::{log, tables};

pub fn plan(context: &Context, args: &PlanArgs) -> Result<(), Failure> {
    if let Some(file) = &args.commands {
        return plan_of_commands(context, args, file);
    }
    let (Some(dataset), Some(encoder)) = (&args.dataset, &args.encoder) else {
        return Err(Failure::Usage("a plan needs a dataset and an encoder".to_owned()));
    };
    let (spec, encoder) = (DatasetSpec::load(dataset)?, context.larder.encoder(encoder)?);
    let options = args.options(&spec, encoder.default_pool())?;
    note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
    note_published(&encoder, &options)?;
    let store = StoreUri::parse(&args.to)?;
    let request = PlanRequest {
        spec: &spec,
        split: &args.split,
        encoder: &encoder,
        options: &options,
        store: &store,
        shard_tokens: args.shard_tokens,
        copy_inputs: args.copy_inputs,
    };
    let mut console = Console::new();
    let outcome = make_plan(&request, &mut console)?;
    drop(console);
    if context.json {
        let shards: Vec<usize> = (0..outcome.plan.shards.len()).collect();
        return context.print_json(&json!({
            "plan": outcome.uri,
            "is_new": outcome.is_new,
            "shards": shards.len(),
            "array": index_ranges(&shards),
            "rows": outcome.plan.rows(),
            "forecast_tokens": outcome.plan.forecast_tokens(),
        }));
    }
    log::progress(&tables::plan(&outcome));
    context.print(&outcome.uri)
}

fn plan_of_commands(context: &Context, args: &PlanArgs, file: &Path) -> Result<(), Failure> {
    let commands = planned::read(context, file)?;
    let store = StoreUri::parse(&args.to)?;
    let (copy_inputs, keep_weights) = (args.copy_inputs, !args.no_weights);
    let request = CommandsRequest { commands, store: &store, copy_inputs, keep_weights };
    let outcome = plan_commands(&context.larder, request)?;
    if context.json {
        let shards: Vec<usize> = (0..outcome.plan.commands.len()).collect();
        return context.print_json(&json!({
            "plan": outcome.uri,
            "is_new": outcome.is_new,
            "shards": shards.len(),
            "array": index_ranges(&shards),
        }));
    }
    eprintln!("{}", tables::plan_of_commands(&outcome));
    context.print(&outcome.uri)
}

pub fn work(context: &Context, args: &WorkArgs) -> Result<(), Failure> {
    let (plan, choice) = (ObjectUri::plan(&args.plan)?, args.choice()?);
    signals::end_by_itself(true);
    let request = WorkRequest {
        plan: &plan,
        choice,
        scratch: args.scratch.as_deref(),
        device: args.device.device,
        threads: args.device.threads,
        stop: &signals::ASKED_TO_END,
    };
    let mut printed = Ok(());
    let mut console = Console::new();
    let mut run = |command: &ReadyCommand| planned::run(context, command);
    larder_pipeline::work(&context.larder, &request, &mut console, &mut run, &mut |outcome| {
        let line = match context.json {
            true => serde_json::to_string(outcome).map_err(Failure::json),
            false => Ok(tables::shard(outcome)),
        };
        if printed.is_ok() {
            printed = line.and_then(|line| context.print(&line));
        }
    })?;
    printed
}

pub fn collect(context: &Context, args: &CollectArgs) -> Result<(), Failure> {
    let (set, is_new) = match larder_scale::collect(&ObjectUri::plan(&args.plan)?)? {
        (Collected::Features(set), is_new) => (set, is_new),
        (Collected::Results(set), is_new) => return results(context, args, &set, is_new),
    };
    let parts = set.manifest().parts.len();
    if let Some(target) = &args.to {
        let (mut console, name) = (Console::new(), set.uri());
        set.join(target, &mut |brought| console.event(Event::Collecting { name: &name, brought, parts }))?;
    }
    let manifest = set.manifest();
    if context.json {
        return context.print_json(&json!({
            "manifest": set.uri(),
            "is_new": is_new,
            "parts": parts,
            "rows": manifest.rows,
            "bytes": manifest.bytes,
            "file": args.to,
        }));
    }
    log::progress(&tables::manifest(manifest, is_new));
    context.print(&set.uri())
}

fn results(context: &Context, args: &CollectArgs, set: &ResultSet, is_new: bool) -> Result<(), Failure> {
    let manifest = set.manifest();
    if let Some(folder) = &args.to {
        let (mut console, name, parts) = (Console::new(), set.uri(), manifest.results.len());
        set.bring(folder, &mut |brought| console.event(Event::Collecting { name: &name, brought, parts }))?;
    }
    if context.json {
        return context.print_json(&json!({
            "manifest": set.uri(),
            "is_new": is_new,
            "results": manifest.results,
            "groups": manifest.groups(),
            "best": manifest.best().map(|(result, _)| &result.name),
            "folder": args.to,
        }));
    }
    eprintln!("{}", tables::results(manifest, is_new));
    if let Some(scores) = tables::result_scores(manifest) {
        context.print(&scores)?;
    }
    context.print(&set.uri())
}

pub fn status(context: &Context, args: &StatusArgs) -> Result<(), Failure> {
    let status = larder_scale::plan_status(&ObjectUri::plan(&args.plan)?)?;
    match context.json {
        true => context.print_json(&status),
        false => context.print(&tables::plan_status(&status)),
    }
}

pub fn gc(context: &Context, args: &GcArgs) -> Result<(), Failure> {
    let Some(store) = &args.store else {
        let found = collect_unneeded(&context.larder, args.older_than, args.remove)?;
        return match context.json {
            true => context.print_json(&json!({ "removed": args.remove, "unneeded": found })),
            false => context.print(&tables::unneeded(&found, args.remove)),
        };
    };
    let store = Store::open(&StoreUri::parse(store)?)?;
    let garbage = collect_garbage(&store, args.older_than, args.dry_run)?;
    match context.json {
        true => context.print_json(&json!({ "dry_run": args.dry_run, "garbage": garbage })),
        false => context.print(&tables::garbage(&garbage, args.dry_run)),
    }
}
