//! `report`: runs on one page.

use larder_report::write_report;
use serde_json::json;

use super::Context;
use crate::cli::ReportArgs;
use crate::failure::Failure;

pub fn report(context: &Context, args: &ReportArgs) -> Result<(), Failure> {
    let bytes = write_report(&context.larder, &args.runs, &args.output, !args.no_texts)?;
    if context.json {
        return context.print_json(&json!({ "path": args.output, "bytes": bytes, "runs": args.runs }));
    }
    context.print(&args.output.display().to_string())
}
