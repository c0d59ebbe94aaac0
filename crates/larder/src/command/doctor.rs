//! `doctor`: a check-up of machine and home.

use larder_pipeline::doctor as examine;

use super::Context;
use crate::cli::DoctorArgs;
use crate::failure::Failure;
use crate::tables;

pub fn doctor(context: &Context, args: &DoctorArgs) -> Result<(), Failure> {
    let checkup = examine(&context.larder, &args.options())?;
    if context.json {
        context.print_json(&checkup)?;
    } else {
        context.print(&tables::doctor(&checkup))?;
    }
    match checkup.class() {
        None => Ok(()),
        Some(class) => Err(Failure::Found { problems: checkup.problems, class }),
    }
}
