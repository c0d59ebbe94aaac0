//! `tokenize`, `encode`, `train`, `run`, `eval`, `runs`.

use larder_data::DatasetSpec;
use larder_encoder::Encoder;
use larder_pipeline::{
    EvaluateOutcome, Evaluation, RunOutcome, RunRecord, SeedsOutcome, StageTime, TrainOutcome, encode_split, evaluate,
    run_seeds, tokenize_split,
};
use serde_json::json;

use super::Context;
use crate::cli::{EncodeArgs, EvalArgs, Subject, TokenizeArgs, TrainArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::tables;

impl Context {
    pub fn open(&self, subject: &Subject) -> Result<(DatasetSpec, Encoder), Failure> {
        Ok((DatasetSpec::load(&subject.dataset)?, self.larder.encoder(&subject.encoder)?))
    }
}

fn splits(spec: &DatasetSpec, asked: &[String]) -> Vec<String> {
    if asked.is_empty() { spec.split_names().map(str::to_owned).collect() } else { asked.to_vec() }
}

pub fn tokenize(context: &Context, args: &TokenizeArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.subject)?;
    args.tokenize.check(spec.task)?;
    let options = args.tokenize.options(args.subject.force);
    let mut console = Console::new();
    let mut files = Vec::new();
    for split in splits(&spec, &args.split) {
        let (path, time) = tokenize_split(&context.larder, &spec, &encoder, &split, &options, &mut console)?;
        files.push((path, vec![time]));
    }
    drop(console);
    context.print_files(&files)
}

pub fn encode(context: &Context, args: &EncodeArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.subject)?;
    let options = args.options(spec.task, encoder.default_pool())?;
    let mut console = Console::new();
    let mut files = Vec::new();
    for split in splits(&spec, &args.split) {
        files.push(encode_split(&context.larder, &spec, &encoder, &split, &options, &mut console)?);
    }
    drop(console);
    context.print_files(&files)
}

pub fn train(context: &Context, args: &TrainArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.subject)?;
    if !args.head.seeds.is_empty() {
        return Err(Failure::Usage("--seeds trains and scores a run a seed: use `larder run`".to_owned()));
    }
    let options = args.options(spec.task, encoder.default_pool())?;
    let mut console = Console::new();
    let outcome = larder_pipeline::train(&context.larder, &spec, &encoder, &options, &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&outcome.record);
    }
    context.print_training(&outcome)?;
    context.print(&format!("run {}: {}", outcome.record.run, outcome.folder.display()))
}

pub fn run(context: &Context, args: &TrainArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.subject)?;
    let options = args.options(spec.task, encoder.default_pool())?;
    let mut console = Console::new();
    if !args.head.seeds.is_empty() {
        let seeds = &args.head.seeds;
        let outcome = run_seeds(&context.larder, &spec, &encoder, &options, seeds, &mut console)?;
        drop(console);
        return context.print_seeds(&outcome);
    }
    let outcome = larder_pipeline::run(&context.larder, &spec, &encoder, &options, &mut console)?;
    drop(console);
    context.print_run(&outcome)
}

pub fn eval(context: &Context, args: &EvalArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    let mut console = Console::new();
    let EvaluateOutcome { evaluation, .. } =
        evaluate(&context.larder, &record, &args.split, args.device.device, args.device.threads, &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&evaluation);
    }
    context.print(&tables::details(&evaluation))?;
    context.print_scores(&evaluation)
}

pub fn runs(context: &Context) -> Result<(), Failure> {
    let names = RunRecord::names(&context.larder);
    if context.json {
        return context.print_json(&names);
    }
    names.iter().try_for_each(|name| context.print(name))
}

impl Context {
    /// The files made or found, a line each.
    fn print_files(&self, files: &[(std::path::PathBuf, Vec<StageTime>)]) -> Result<(), Failure> {
        if self.json {
            let list: Vec<_> = files.iter().map(|(path, times)| json!({ "path": path, "stages": times })).collect();
            return self.print_json(&list);
        }
        files.iter().try_for_each(|(path, _)| self.print(&path.display().to_string()))
    }

    /// How a run was trained, and its scores.
    pub fn print_run(&self, outcome: &RunOutcome) -> Result<(), Failure> {
        let record = &outcome.trained.record;
        if self.json {
            return self.print_json(&json!({
                "run": record.run,
                "training": record.head,
                "evaluation": outcome.evaluation,
                "stages": outcome.times,
            }));
        }
        self.print_training(&outcome.trained)?;
        self.print_scores(&outcome.evaluation)?;
        self.print(&tables::times(&outcome.times))?;
        self.print(&format!("run {}: {}", record.run, outcome.trained.folder.display()))
    }

    fn print_training(&self, outcome: &TrainOutcome) -> Result<(), Failure> {
        for note in &outcome.notes {
            self.print(&format!("note: {note}"))?;
        }
        if let Some(text) = tables::selection(&outcome.record) {
            self.print(&format!("chosen on held-out rows of train:\n{text}"))?;
        }
        self.print(&tables::convergence(&outcome.record))?;
        outcome.record.training_advice().iter().try_for_each(|advice| self.print(&advice.to_string()))
    }

    fn print_seeds(&self, outcome: &SeedsOutcome) -> Result<(), Failure> {
        if self.json {
            let runs: Vec<_> = outcome
                .seeds
                .iter()
                .zip(&outcome.runs)
                .map(|(seed, run)| json!({ "seed": seed, "run": run.trained.record.run, "evaluation": run.evaluation }))
                .collect();
            return self.print_json(&json!({ "seeds": outcome.seeds, "summary": outcome.summary, "runs": runs }));
        }
        for (seed, run) in outcome.seeds.iter().zip(&outcome.runs) {
            self.print(&format!("seed {seed}, run {}:", run.trained.record.run))?;
            self.print_scores(&run.evaluation)?;
        }
        self.print(&tables::seeds(outcome))
    }

    fn print_scores(&self, evaluation: &Evaluation) -> Result<(), Failure> {
        self.print(&tables::summary(evaluation))?;
        match tables::advice(evaluation) {
            advice if advice.is_empty() => Ok(()),
            advice => self.print(&advice),
        }
    }
}
