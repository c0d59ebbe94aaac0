//! `export`: a run for other tools.

use larder_export::export_run;
use larder_run::RunRecord;

use super::Context;
use crate::cli::ExportArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::tables;

pub fn export(context: &Context, args: &ExportArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    let mut console = Console::new();
    let outcome = export_run(&context.larder, &record, &args.options(), &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&outcome);
    }
    context.print(&tables::export(&outcome))
}
