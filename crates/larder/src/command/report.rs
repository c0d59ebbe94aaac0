//! `report`: runs on one page, or what one finds in new texts.

use std::path::Path;

use larder_report::{FoundRequest, write_found, write_report};
use serde_json::json;

use super::Context;
use crate::cli::ReportArgs;
use crate::failure::Failure;

pub fn report(context: &Context, args: &ReportArgs) -> Result<(), Failure> {
    let bytes = match &args.input {
        Some(input) => found(context, args, input)?,
        None => write_report(&context.larder, &args.runs, &args.output, !args.no_texts)?,
    };
    if context.json {
        return context.print_json(&json!({ "path": args.output, "bytes": bytes, "runs": args.runs }));
    }
    context.print(&args.output.display().to_string())
}

fn found(context: &Context, args: &ReportArgs, input: &Path) -> Result<u64, Failure> {
    let [run] = args.runs.as_slice() else {
        return Err(Failure::Usage("--input shows the answers of one run: name one".to_owned()));
    };
    let request = FoundRequest {
        run,
        input,
        flags: &args.layout.flags(),
        limit: args.limit,
        on_bad_row: args.on_bad_row,
        device: args.device.device,
        threads: args.device.threads,
        texts: !args.no_texts,
    };
    Ok(write_found(&context.larder, &request, &args.output)?)
}
