//! `verify`: a features file against its encoder.

use larder_pipeline::{NamedFeatures, VerifyOptions, verify_features};

use super::Context;
use crate::cli::VerifyArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::tables;

pub fn verify(context: &Context, args: &VerifyArgs) -> Result<(), Failure> {
    let mut console = Console::new();
    let NamedFeatures { path, tokens } = NamedFeatures::open(&context.larder, &args.file, &mut console)?;
    let options = VerifyOptions { tokens: args.tokens.clone().or(tokens), ..args.options() };
    let found = verify_features(&context.larder, &path, &options, &mut console)?;
    drop(console);
    match context.json {
        true => context.print_json(&found)?,
        false => context.print(&tables::verification(&found))?,
    }
    Ok(found.check()?)
}
