//! `completions` and `man`: what shells and manuals know of the command line.

use std::io::Write;

use super::Context;
use crate::cli::{self, CompletionsArgs, ManArgs};
use crate::failure::{Failure, Output};

/// The binary's name.
const NAME: &str = "larder";

pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), NAME, &mut script);
    std::io::stdout().lock().write_all(&script).on_stdout()
}

pub fn man(context: &Context, args: &ManArgs) -> Result<(), Failure> {
    let folder = &args.output;
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(cli::command(), folder));
    written
        .map_err(|source| Failure::File { what: format!("cannot write pages into {}", folder.display()), source })?;
    match context.json {
        true => context.print_json(&serde_json::json!({ "folder": folder })),
        false => context.print(&format!("pages of the manual: {}", folder.display())),
    }
}
