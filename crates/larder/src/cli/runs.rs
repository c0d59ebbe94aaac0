//! `runs` as typed.

use clap::{Args, Subcommand};

/// The runs there are, or what is done with some.
#[derive(Debug, Args)]
pub struct RunsArgs {
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// What a run was made with, and its scores
    Show {
        /// The run
        run: String,
    },
    /// Remove runs
    #[command(visible_alias = "remove")]
    Rm {
        /// The runs
        #[arg(required = true)]
        runs: Vec<String>,
    },
}
