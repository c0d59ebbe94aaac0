//! `suggest`: rows of a pool that are worth a label, and what that saves.

use larder_pipeline::{replay, suggest as choose, write_suggestions};
use larder_run::RunRecord;

use super::Context;
use crate::cli::SuggestArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::tables;

pub fn suggest(context: &Context, args: &SuggestArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    let options = args.options(record.is_pair())?;
    let output = args.output()?;
    let spec = record.dataset_spec(args.dataset.as_deref())?;
    let mut console = Console::new();
    let Some(options) = options else {
        let outcome = replay(&context.larder, &record, &spec, &args.replay(), &mut console)?;
        drop(console);
        return match context.json {
            true => context.print_json(&outcome),
            false => context.print(&tables::replay(&outcome)),
        };
    };
    let outcome = choose(&context.larder, &record, &spec, &options, &mut console)?;
    drop(console);
    if let Some((path, format)) = &output {
        write_suggestions(&outcome, *format, path)?;
    }
    match (context.json, &output) {
        (true, _) => context.print_json(&outcome),
        (false, Some((path, _))) => context.print(&format!("{}\n{}", tables::suggested(&outcome), path.display())),
        (false, None) => context.print(&tables::suggestions(&outcome)),
    }
}
