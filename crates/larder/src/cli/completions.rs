//! `completions` and `man` as typed.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// A shell to complete commands in.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Manual pages to be written.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder for the pages, such as ~/.local/share/man/man1
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
}
