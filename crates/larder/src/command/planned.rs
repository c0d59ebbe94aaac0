//! Commands of a plan: read from a file where it is made, run where a shard is worked.

use std::path::Path;

use larder_data::DatasetSpec;
use larder_files::FileError;
use larder_pipeline::{NamedCommand, PipelineError, ReadyCommand};
use larder_run::RunRecord;

use super::{Context, finetune, pipeline_commands, predict};
use crate::cli::PlannedArgs;
use crate::failure::Failure;
use crate::signals;

/// Reads a file of commands, one a line; empty lines and those that begin with `#` are none.
pub fn read(context: &Context, file: &Path) -> Result<Vec<NamedCommand>, Failure> {
    let text = larder_files::read_to_string(file).map_err(FileError::io("read", file)).map_err(PipelineError::from)?;
    let mut commands = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = |problem: &str| Failure::Usage(format!("{}, line {}: {problem}", file.display(), number + 1));
        let mut words = shlex::split(line).ok_or_else(|| place("a quote is not closed"))?;
        if words.first().is_some_and(|word| word == "larder") {
            words.remove(0);
        }
        let planned = PlannedArgs::parse(&words).map_err(|failure| match failure {
            Failure::Usage(problem) => place(&problem),
            other => other,
        })?;
        commands.push(named(context, words, &planned)?);
    }
    match commands.is_empty() {
        true => Err(Failure::Usage(format!("{} has no command", file.display()))),
        false => Ok(commands),
    }
}

/// Opens what a command names, so that a plan holds no command that cannot begin.
fn named(context: &Context, arguments: Vec<String>, planned: &PlannedArgs) -> Result<NamedCommand, Failure> {
    let (mut dataset, mut encoder, mut run) = (None, None, None);
    if let Some(inputs) = planned.inputs() {
        let (spec, opened) = (
            DatasetSpec::load(&inputs.dataset)?,
            inputs.encoder.as_deref().map(|name| context.larder.encoder(name)).transpose()?,
        );
        match (planned, &opened) {
            (PlannedArgs::Run(args), Some(encoder)) => drop(args.options(&spec, encoder.default_pool())?),
            (PlannedArgs::Finetune(args), _) => drop(args.options(&spec)?),
            _ => {}
        }
        (dataset, encoder) = (Some(spec), opened);
    }
    if let PlannedArgs::Predict(args) = planned {
        let record = RunRecord::open(&context.larder, &args.run)?;
        args.check(record.task(), record.is_pair())?;
        run = Some(record);
    }
    Ok(NamedCommand { arguments, dataset, encoder, run, files: planned.files() })
}

/// Runs the command of a shard. What it prints is in its result.
pub fn run(context: &Context, ready: &ReadyCommand) -> Result<(), Failure> {
    let silent = context.silent();
    let (device, threads, name) = (ready.device, ready.threads, Some(ready.run.clone()));
    // Stages keep what they have done, and begin where they were.
    signals::end_by_itself(false);
    match PlannedArgs::parse(&ready.arguments)? {
        PlannedArgs::Run(mut args) => {
            (args.vectors.device.device, args.vectors.device.threads, args.run) = (device, threads, name);
            pipeline_commands::run(&silent, &args)?;
        }
        PlannedArgs::Finetune(mut args) => {
            (args.device, args.threads, args.run) = (device, threads, name);
            finetune::finetune(&silent, &args)?;
        }
        PlannedArgs::Predict(mut args) => {
            (args.device.device, args.device.threads, args.force) = (device, threads, true);
            let file = args.input.as_deref().and_then(Path::file_name);
            args.output = file.map(|file| ready.output.join(file));
            predict::predict(&silent, &args)?;
        }
    }
    signals::end_by_itself(true);
    Ok(())
}
