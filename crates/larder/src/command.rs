//! The commands, one function each: runs a stage with typed arguments and prints the result.

mod compare;
mod completions;
mod doctor;
mod embed;
mod encoder;
mod encoder_summary;
mod export;
mod files;
mod finetune;
mod input;
mod inspect;
mod pipeline_commands;
mod planned;
mod predict;
mod report;
mod runs;
mod scale;
mod score;
mod setup;
mod submit;
mod suggest;
mod verify;
mod version;

pub use version::version;

use std::io::Write;
use std::rc::Rc;

use larder_files::wait_for_others;
use larder_run::Larder;
use larder_runtime::limit_memory;
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::console::be_quiet;
use crate::failure::{self, Failure, Output};
use crate::{color, log, signals};

/// The context of every command.
pub struct Context {
    pub larder: Rc<Larder>,
    pub json: bool,
    /// Print details too.
    pub verbose: bool,
    /// True where results are not printed: those of a shard's command.
    is_silent: bool,
}

pub fn run(cli: &Cli) -> Result<(), Failure> {
    let context = Context {
        larder: Rc::new(Larder::new(&cli.home, cli.onnxruntime.as_deref())),
        json: cli.json,
        verbose: cli.verbose,
        is_silent: false,
    };
    log::set_format(cli.log_format);
    color::set(cli.color);
    if !cli.no_wait {
        wait_for_others(|folder| {
            log::progress(&format!("waiting  another larder process is working in {}", folder.display()));
        });
    }
    signals::listen()?;
    if cli.quiet {
        be_quiet();
    }
    if let Some(memory) = cli.memory {
        limit_memory(memory.0);
    }
    match &cli.command {
        Command::Setup(args) => setup::setup(&context, args),
        Command::Quickstart => setup::quickstart(&context),
        Command::Encoder(command) => encoder::run(&context, command),
        Command::Embed(args) => embed::embed(&context, args),
        Command::Init(args) => files::init(&context, args),
        Command::Tokenize(args) => pipeline_commands::tokenize(&context, args),
        Command::Encode(args) => pipeline_commands::encode(&context, args),
        Command::Train(args) => pipeline_commands::train(&context, args),
        Command::Run(args) => pipeline_commands::run(&context, args),
        Command::Finetune(args) => finetune::finetune(&context, args),
        Command::Graphs(args) => finetune::graphs(&context, args),
        Command::Eval(args) => pipeline_commands::eval(&context, args),
        Command::Predict(args) => predict::predict(&context, args),
        Command::Suggest(args) => suggest::suggest(&context, args),
        Command::Score(args) => score::score(&context, args),
        Command::Compare(args) => compare::compare(&context, args),
        Command::Report(args) => report::report(&context, args),
        Command::Inspect(args) => inspect::inspect(&context, args),
        Command::Verify(args) => verify::verify(&context, args),
        Command::Export(args) => export::export(&context, args),
        Command::Doctor(args) => doctor::doctor(&context, args, &cli.settings),
        Command::Runs(args) => runs::runs(&context, args),
        Command::Plan(args) => scale::plan(&context, args),
        Command::Work(args) => scale::work(&context, args),
        Command::Collect(args) => scale::collect(&context, args),
        Command::Status(args) => scale::status(&context, args),
        Command::Submit(command) => submit::submit(&context, command),
        Command::Gc(args) => scale::gc(&context, args),
        Command::Completions(args) => completions::completions(args),
        Command::Man(args) => completions::man(&context, args),
    }
}

impl Context {
    /// Returns the same context for a command whose results are not printed.
    fn silent(&self) -> Self {
        Self { larder: Rc::clone(&self.larder), json: false, verbose: self.verbose, is_silent: true }
    }

    /// Prints one JSON document on standard output.
    pub fn print_json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        self.print(&serde_json::to_string_pretty(value).map_err(Failure::json)?)
    }

    /// Prints a text on standard output.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        if self.is_silent {
            return Ok(());
        }
        failure::note_result();
        writeln!(std::io::stdout().lock(), "{text}").on_stdout()
    }
}
