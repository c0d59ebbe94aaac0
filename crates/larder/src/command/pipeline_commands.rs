//! `tokenize`, `encode`, `train`, `run`, `eval`.

use larder_data::DatasetSpec;
use larder_diagnose::{Diagnosis, RunDiagnosis};
use larder_encode::LayerSelection;
use larder_evaluate::EvaluateOutcome;
use larder_intake::Encoder;
use larder_onnx::Pool;
use larder_pipeline::{
    EvaluateOptions, RunOutcome, SeedsOutcome, ShotsRequest, TrainOutcome, encode_split, evaluate, forecast_split,
    run_seeds, run_shots, tokenize_split, use_features, wants_all_layers,
};
use larder_run::{EncodeOptions, Evaluation, RunRecord, StageTime, TrainOptions};
use larder_train::FEW_ROWS;
use serde_json::json;

use super::Context;
use crate::cli::{EncodeArgs, EvalArgs, SeedList, TokenizeArgs, TrainArgs, VectorFlags};
use crate::console::Console;
use crate::failure::Failure;
use crate::{log, tables};

/// Says what is to be known about the length that was asked for.
pub(super) fn note_length(encoder: &Encoder, max_tokens: Option<usize>) {
    if let Some(note) = max_tokens.and_then(|asked| encoder.length_note(asked)) {
        log::note(&note);
    }
}

/// Says what the publisher's vectors are of and a data set's texts are not, where those are asked for.
pub(super) fn note_published(encoder: &Encoder, options: &EncodeOptions) -> Result<(), Failure> {
    if options.settings.pools.contains(&Pool::Published)
        && let Some(note) = encoder.recipe()?.unread(options.tokenize.max_tokens(encoder))
    {
        log::note(&note);
    }
    Ok(())
}

/// Takes all layers for a head with few rows to learn from, and says so, unless `vectors` says which.
pub(super) fn with_default_layers(
    context: &Context,
    (spec, encoder): (&DatasetSpec, &Encoder),
    vectors: &VectorFlags,
    options: TrainOptions,
    console: &mut Console,
) -> Result<TrainOptions, Failure> {
    if vectors.layers.is_some() || !wants_all_layers(&context.larder, spec, encoder, &options, console)? {
        return Ok(options);
    }
    eprintln!(
        "note     fewer than {FEW_ROWS} rows to train on: vectors of all layers are made, which a head learns more from; `--layers -1` \
         makes those of the last alone"
    );
    let mut options = options;
    options.encode.settings.layers = LayerSelection::All;
    Ok(options)
}

fn splits(spec: &DatasetSpec, asked: &[String]) -> Vec<String> {
    if asked.is_empty() { spec.split_names().map(str::to_owned).collect() } else { asked.to_vec() }
}

pub fn tokenize(context: &Context, args: &TokenizeArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.inputs, args.tokenize.on_bad_row)?;
    args.tokenize.check(spec.task)?;
    let options = args.tokenize.options(&spec, args.inputs.force);
    note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
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
    let (spec, encoder) = context.open(&args.inputs, args.tokenize.on_bad_row)?;
    let options = args.options(&spec, encoder.default_pool())?;
    note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
    note_published(&encoder, &options)?;
    let mut console = Console::new();
    if args.dry_run {
        let mut forecasts = Vec::new();
        for split in splits(&spec, &args.split) {
            let forecast = forecast_split(&context.larder, &spec, &encoder, &split, &options, &mut console)?;
            forecasts.push((split, forecast));
        }
        drop(console);
        if context.json {
            let forecasts: Vec<_> =
                forecasts.iter().map(|(split, f)| json!({ "split": split, "forecast": f })).collect();
            return context.print_json(&forecasts);
        }
        return context.print(&tables::forecasts(&forecasts));
    }
    let mut files = Vec::new();
    for split in splits(&spec, &args.split) {
        files.push(encode_split(&context.larder, &spec, &encoder, &split, &options, &mut console)?);
    }
    drop(console);
    context.print_files(&files)
}

pub fn train(context: &Context, args: &TrainArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.inputs, args.tokenize.on_bad_row)?;
    if args.head.seeds.is_some() {
        return Err(Failure::Usage("--seeds trains and scores a run a seed: use `larder run`".to_owned()));
    }
    if !args.head.shots.is_empty() {
        return Err(Failure::Usage("--shots trains on a few rows and scores: use `larder run`".to_owned()));
    }
    let options = args.options(&spec, encoder.default_pool())?;
    note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
    note_published(&encoder, &options.encode)?;
    let mut console = Console::new();
    let options = match args.features.sets.is_empty() {
        true => with_default_layers(context, (&spec, &encoder), &args.vectors, options, &mut console)?,
        false => options,
    };
    use_features(&context.larder, &spec, &encoder, &options.encode, &args.features.sets, &mut console)?;
    let outcome = larder_pipeline::train(&context.larder, &spec, &encoder, &options, &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&outcome.record);
    }
    context.print_training(&outcome)?;
    context.print_findings(outcome.diagnosis.of_training())?;
    context.print(&format!("run {}: {}", outcome.record.run, outcome.folder.display()))
}

pub fn run(context: &Context, args: &TrainArgs) -> Result<(), Failure> {
    let (spec, encoder) = context.open(&args.inputs, args.tokenize.on_bad_row)?;
    let options = args.options(&spec, encoder.default_pool())?;
    note_length(&encoder, args.tokenize.max_tokens.or(spec.max_tokens));
    note_published(&encoder, &options.encode)?;
    let mut console = Console::new();
    let options = match args.features.sets.is_empty() {
        true => with_default_layers(context, (&spec, &encoder), &args.vectors, options, &mut console)?,
        false => options,
    };
    use_features(&context.larder, &spec, &encoder, &options.encode, &args.features.sets, &mut console)?;
    if !args.head.shots.is_empty() {
        let shots: Vec<usize> =
            args.head.shots.iter().map(|&shots| usize::try_from(shots).unwrap_or(usize::MAX)).collect();
        let ten: Vec<u64> = (0..10).collect();
        let seeds = args.head.seeds.as_ref().map_or(ten.as_slice(), |seeds| seeds.0.as_slice());
        let heads = args.head.shot_heads(spec.task)?;
        let request = ShotsRequest { shots: &shots, seeds, heads: &heads };
        let outcome = run_shots(&context.larder, &spec, &encoder, &options, &request, &mut console)?;
        drop(console);
        return if context.json { context.print_json(&outcome) } else { context.print(&tables::shots(&outcome)) };
    }
    if let Some(SeedList(seeds)) = &args.head.seeds {
        let outcome = run_seeds(&context.larder, &spec, &encoder, &options, seeds, &mut console)?;
        drop(console);
        return context.print_seeds(&outcome);
    }
    let outcome = larder_pipeline::run(&context.larder, &spec, &encoder, &options, &mut console)?;
    drop(console);
    context.print_run(&outcome)?;
    context.print_next(&outcome.trained.record.run)
}

pub fn eval(context: &Context, args: &EvalArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    let spec = record.dataset_spec(args.dataset.as_deref())?;
    let mut console = Console::new();
    let options = EvaluateOptions {
        splits: &args.split,
        device: args.device.device,
        threads: args.device.threads,
        coverage: args.coverage.request(),
    };
    if !args.features.sets.is_empty() {
        let (encoder, encode) =
            (record.encoder(&context.larder)?, record.encode_options(options.device, options.threads));
        use_features(&context.larder, &spec, &encoder, &encode, &args.features.sets, &mut console)?;
    }
    let EvaluateOutcome { evaluation, diagnosis, .. } =
        evaluate(&context.larder, &record, &spec, &options, &mut console)?;
    drop(console);
    if context.json {
        context.print_json(&evaluation)?;
    } else {
        context.print(&tables::details(&evaluation))?;
        context.print(&tables::summary(&evaluation))?;
        context.print_findings(of_splits(&diagnosis, &evaluation))?;
    }
    Ok(args.fail_below.iter().try_for_each(|gate| gate.check(&args.run, &evaluation))?)
}

impl Context {
    /// Prints the files made or found, one per line.
    fn print_files(&self, files: &[(std::path::PathBuf, Vec<StageTime>)]) -> Result<(), Failure> {
        if self.json {
            let list: Vec<_> = files.iter().map(|(path, times)| json!({ "path": path, "stages": times })).collect();
            return self.print_json(&list);
        }
        files.iter().try_for_each(|(path, _)| self.print(&path.display().to_string()))
    }

    /// Prints a run's training and scores.
    pub fn print_run(&self, outcome: &RunOutcome) -> Result<(), Failure> {
        let record = &outcome.trained.record;
        if self.json {
            return self.print_json(&json!({
                "run": record.run,
                "training": record.head,
                "evaluation": outcome.evaluation,
                "diagnosis": outcome.diagnosis,
                "stages": outcome.times,
            }));
        }
        self.print_training(&outcome.trained)?;
        self.print(&tables::summary(&outcome.evaluation))?;
        self.print(&tables::times(&outcome.times, self.verbose))?;
        let of_splits = of_splits(&outcome.diagnosis, &outcome.evaluation);
        self.print_findings(outcome.diagnosis.of_training().chain(of_splits))?;
        self.print(&format!("run {}: {}", record.run, outcome.trained.folder.display()))
    }

    /// Says what to do with a run.
    pub fn print_next(&self, run: &str) -> Result<(), Failure> {
        match self.json {
            true => Ok(()),
            false => self.print(&format!(
                "next: `larder report {run} --output report.html` makes a page of it, `larder predict {run} --input FILE` answers"
            )),
        }
    }

    fn print_training(&self, outcome: &TrainOutcome) -> Result<(), Failure> {
        for note in &outcome.notes {
            self.print(&format!("note: {note}"))?;
        }
        if let Some(text) = tables::selection(&outcome.record) {
            self.print(&text)?;
        }
        let head = outcome.record.head.details();
        self.print(&head.summary())?;
        if let Some(solver) = head.solver().filter(|_| self.verbose) {
            self.print(&solver)?;
        }
        tables::learning_curve(&outcome.diagnosis).map_or(Ok(()), |curve| self.print(&curve))
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
            self.print(&tables::summary(&run.evaluation))?;
            self.print_findings(of_splits(&run.diagnosis, &run.evaluation))?;
        }
        self.print(&tables::seeds(outcome))
    }

    fn print_findings<'a>(&self, findings: impl Iterator<Item = &'a Diagnosis>) -> Result<(), Failure> {
        match tables::findings(findings) {
            text if text.is_empty() => Ok(()),
            text => self.print(&text),
        }
    }
}

/// Returns the findings about the evaluated splits.
fn of_splits<'a>(diagnosis: &'a RunDiagnosis, evaluation: &Evaluation) -> impl Iterator<Item = &'a Diagnosis> {
    let judged = evaluation.split_names();
    let is_judged = move |split: &String| judged.contains(split);
    diagnosis.findings.iter().filter(move |finding| finding.split.as_ref().is_some_and(&is_judged))
}
