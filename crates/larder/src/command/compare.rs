//! `compare`: encoders on a dataset, or runs.

use std::path::Path;

use larder_data::DatasetSpec;
use larder_pipeline::{Contender, EvaluateOptions, compare_encoders, compare_runs};
use larder_run::Evaluation;

use super::Context;
use super::pipeline_commands::{note_length, note_published, with_default_layers};
use crate::cli::{CompareArgs, Compared};
use crate::console::Console;
use crate::failure::Failure;
use crate::tables;

pub fn compare(context: &Context, args: &CompareArgs) -> Result<(), Failure> {
    match args.compared()? {
        Compared::Encoders(dataset) => encoders(context, args, &dataset),
        Compared::Runs => runs(context, args),
    }
}

fn encoders(context: &Context, args: &CompareArgs, dataset: &Path) -> Result<(), Failure> {
    let spec = DatasetSpec::load(dataset)?;
    let mut console = Console::new();
    let mut contender = |name: &String| -> Result<Contender, Failure> {
        let encoder = context.larder.encoder(name)?;
        note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
        let options = args.options(&spec, encoder.default_pool())?;
        note_published(&encoder, &options.encode)?;
        let options = with_default_layers(context, (&spec, &encoder), &args.vectors, options, &mut console)?;
        Ok(Contender { options, encoder })
    };
    let contenders = args.encoders.iter().map(&mut contender).collect::<Result<Vec<_>, _>>()?;
    let outcome = compare_encoders(&context.larder, &spec, &contenders, &args.split, &mut console)?;
    drop(console);
    if context.json {
        context.print_json(&outcome)?;
        return Ok(outcome.check(dataset)?);
    }
    let scored: Vec<_> = outcome.encoders.iter().map(|one| (one.names.join(" = "), &one.evaluation)).collect();
    for text in tables::scores("encoder", &scored, &outcome.splits) {
        context.print(&format!("{text}\n"))?;
    }
    context.print_remarks(scored.iter().map(|(_, evaluation)| *evaluation))?;
    if !outcome.encoders.is_empty() {
        context.print(&format!("{}\n", tables::encoder_costs(&outcome)))?;
    }
    for line in tables::comparison_notes(&outcome.splits) {
        context.print(&line)?;
    }
    for one in &outcome.encoders {
        if let [first, others @ ..] = one.names.as_slice()
            && !others.is_empty()
        {
            let others = others.join(", ");
            context
                .print(&format!("{others} is {first} by another name: the same model and tokenizer, encoded once"))?;
        }
    }
    for one in &outcome.refused {
        context.print(&format!("{} is left out: {}", one.names.join(", "), one.reason))?;
    }
    outcome.check(dataset)?;
    context.go_on_with(outcome.best_run.as_deref())
}

fn runs(context: &Context, args: &CompareArgs) -> Result<(), Failure> {
    let mut console = Console::new();
    let device = &args.vectors.device;
    let options =
        EvaluateOptions { splits: &args.split, device: device.device, threads: device.threads, coverage: None };
    let outcome = compare_runs(&context.larder, &args.subjects, args.dataset.as_deref(), &options, &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&outcome);
    }
    let scored: Vec<_> = outcome.runs.iter().map(|one| (one.run.clone(), &one.evaluation)).collect();
    for text in tables::scores("run", &scored, &outcome.splits) {
        context.print(&format!("{text}\n"))?;
    }
    context.print_remarks(scored.iter().map(|(_, evaluation)| *evaluation))?;
    context.print(&format!("{}\n", tables::run_settings(&outcome)))?;
    for line in tables::comparison_notes(&outcome.splits) {
        context.print(&line)?;
    }
    context.go_on_with(outcome.best_run.as_deref())
}

impl Context {
    /// Prints the remarks beside scores, each once.
    fn print_remarks<'a>(&self, evaluations: impl Iterator<Item = &'a Evaluation>) -> Result<(), Failure> {
        let mut said: Vec<String> = Vec::new();
        for remark in evaluations.flat_map(Evaluation::remarks) {
            if !said.contains(&remark) {
                self.print(&remark)?;
                said.push(remark);
            }
        }
        Ok(())
    }

    /// Prints the command that uses the best run, with the home if that is not the default.
    fn go_on_with(&self, run: Option<&str>) -> Result<(), Failure> {
        let Some(run) = run else { return Ok(()) };
        let home = self.larder.home().root();
        let known = std::env::var_os("LARDER_HOME").map_or_else(|| "artifacts".into(), std::path::PathBuf::from);
        let home = if home == known { String::new() } else { format!("--home {} ", home.display()) };
        self.print(&format!("go on with: larder {home}predict {run} \"some text\""))
    }
}
