//! `setup` and `quickstart`.

use larder_pipeline::quickstart as start;
use larder_runtime::set_up;
use serde_json::json;

use super::Context;
use crate::cli::SetupArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::log;

pub fn setup(context: &Context, args: &SetupArgs) -> Result<(), Failure> {
    let folder = set_up(&args.parts)?;
    if context.json {
        return context.print_json(&json!({ "folder": folder, "parts": args.parts }));
    }
    context.print(&format!("set up in {}", folder.display()))?;
    context.print("now try: larder quickstart")
}

pub fn quickstart(context: &Context) -> Result<(), Failure> {
    let mut console = Console::new();
    let outcome = start(&context.larder, &mut console, &mut |what| log::progress(&format!("encoder  {what}")))?;
    drop(console);
    context.print_run(&outcome.run)?;
    if !context.json {
        let run = &outcome.run.trained.record.run;
        context.print(&format!("\nnow try: larder predict {run} '{}'", outcome.example))?;
    }
    Ok(())
}
