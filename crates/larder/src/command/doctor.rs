//! `doctor`: a check-up of machine and home.

use larder_pipeline::{Checkup, doctor as examine};
use serde::Serialize;

use super::Context;
use crate::cli::{DoctorArgs, Setting};
use crate::failure::Failure;
use crate::tables;

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    checkup: &'a Checkup,
    settings: &'a [Setting],
}

pub fn doctor(context: &Context, args: &DoctorArgs, settings: &[Setting]) -> Result<(), Failure> {
    let checkup = examine(&context.larder, &args.options())?;
    if context.json {
        context.print_json(&Printed { checkup: &checkup, settings })?;
    } else {
        context.print(&tables::doctor(&checkup, settings))?;
    }
    match checkup.class() {
        None => Ok(()),
        Some(class) => Err(Failure::Found { problems: checkup.problems, class }),
    }
}
