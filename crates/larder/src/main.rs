//! `larder`: run a BERT-family encoder once, keep what it says in Parquet, train heads on it in seconds.
//!
//! This binary parses, calls one stage, prints, and answers an exit code; the stages live in the library crates.

mod cli;
mod command;
mod console;
mod failure;
mod memory;
mod size;
mod tables;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match command::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
