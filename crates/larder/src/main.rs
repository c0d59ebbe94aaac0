//! `larder`: run a BERT-family encoder once, keep its output in Parquet, train heads on it in seconds.
//!
//! This binary parses, calls one stage, prints, and returns an exit code; the stages are in the library crates.

mod cli;
mod color;
mod command;
mod config;
mod console;
mod failure;
mod log;
mod memory;
mod signals;
mod size;
mod tables;

use std::process::ExitCode;

use clap::error::ErrorKind;

fn main() -> ExitCode {
    let defaults = match config::defaults() {
        Ok(defaults) => defaults,
        Err(failure) => return failure.report(false),
    };
    let (ended, json) = match cli::parse(std::env::args_os(), &defaults) {
        Ok(cli) => (command::run(&cli), cli.json),
        Err(asked) if asked.kind() == ErrorKind::DisplayVersion => (command::version(), false),
        Err(wrong) => wrong.exit(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
