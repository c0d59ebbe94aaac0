//! `finetune` and `graphs`.

use larder_errors::ErrorClass;
use larder_pipeline::{GraphsOptions, SweepOutcome, export_graphs, run_finetune, sweep};

use super::Context;
use super::pipeline_commands::note_length;
use crate::cli::{FinetuneArgs, GraphsArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::tables;

pub fn finetune(context: &Context, args: &FinetuneArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.inputs, args.tokenize.on_bad_row)?;
    let options = args.options(&spec)?;
    note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
    let mut console = Console::new();
    if !args.sweep.is_empty() || args.seeds.is_some() {
        let one = [args.tune.seed];
        let seeds = args.seeds.as_ref().map_or(&one[..], |seeds| seeds.0.as_slice());
        let rates = match (&args.sweep[..], args.course.learning_rate) {
            ([], rate) => vec![rate],
            (rates, _) => rates.iter().copied().map(Some).collect(),
        };
        let outcome = sweep(&context.larder, &spec, &encoder, &options, &rates, seeds, &mut console)?;
        drop(console);
        context.print_sweep(&outcome)?;
        return match outcome.all_failed() {
            None => Ok(()),
            Some(first) => Err(Failure::Found {
                problems: vec![format!("no run of the sweep ended well; the first: {first}")],
                class: ErrorClass::Training,
            }),
        };
    }
    let outcome = run_finetune(&context.larder, &spec, &encoder, &options, &mut console)?;
    drop(console);
    context.print_run(&outcome)?;
    context.print_next(&outcome.trained.record.run)
}

pub fn graphs(context: &Context, args: &GraphsArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.inputs, args.tokenize.on_bad_row)?;
    let options = GraphsOptions { finetune: args.options(&spec)?, name: args.name.clone() };
    note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
    let mut console = Console::new();
    let outcome = export_graphs(&context.larder, &spec, &encoder, &options, &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&outcome);
    }
    context.print(&tables::graphs(&outcome))
}

impl Context {
    fn print_sweep(&self, outcome: &SweepOutcome) -> Result<(), Failure> {
        if self.json {
            return self.print_json(outcome);
        }
        self.print(&tables::sweep(outcome))
    }
}
