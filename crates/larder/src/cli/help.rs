//! The layout of help: flags in groups, and in a command with many only those used most in what `-h` prints.

use clap::{Arg, Command};

/// The groups, in the order in which help shows them, and their flags. One flag has one group in all commands.
const GROUPS: [(&str, &[&str]); 6] = [
    (
        "Data",
        &[
            "dataset",
            "text",
            "text-b",
            "target",
            "words",
            "tags",
            "dev-file",
            "test-file",
            "dev-fraction",
            "split-seed",
            "limit",
            "features",
            "fail-below",
            "coverage",
            "coverage-score",
            "coverage-by",
            "max-set",
            "split",
            "input",
            "input-format",
            "text-column",
            "text-b-column",
            "words-column",
            "header",
            "quoting",
            "separator",
            "label-separator",
            "gold",
            "predicted",
            "predictions",
            "probabilities",
            "labels",
            "scheme",
            "task",
            "max-tokens",
            "long",
            "on-bad-row",
            "illegal-tags",
            "prompt",
            "column",
            "label",
            "rows",
            "nearest",
            "nearest-text",
            "against",
            "k",
            "sample",
            "all",
            "tokens",
            "check-split",
            "check-rows",
            "copy-inputs",
            "commands",
            "count",
            "by",
            "simulate",
            "rounds",
        ],
    ),
    (
        "Encoder",
        &[
            "encoder",
            "encoders",
            "tokenizer",
            "offline",
            "config",
            "layers",
            "pool",
            "normalise",
            "level",
            "pair-features",
            "word-pool",
            "stride",
            "context",
            "special-tokens",
            "dtype",
            "graph",
            "no-speed",
        ],
    ),
    (
        "Head",
        &[
            "head",
            "heads",
            "metric",
            "c",
            "alpha",
            "folds",
            "class-weight",
            "threshold",
            "use",
            "raw-features",
            "solver",
            "neighbours",
            "hidden",
            "init-head",
        ],
    ),
    (
        "Training",
        &[
            "lr",
            "learning-rate",
            "head-lr",
            "epochs",
            "steps",
            "batch-rows",
            "dropout",
            "weight-decay",
            "seed",
            "seeds",
            "shots",
            "sweep",
            "recipe",
            "precision",
            "layer-decay",
            "accumulate",
            "shuffle",
            "schedule",
            "warmup",
            "clip",
            "label-smoothing",
            "freeze",
            "from-layer",
            "dev",
            "evaluate-every",
            "patience",
            "save-every",
            "keep-going",
            "keep-checkpoints",
            "resume",
        ],
    ),
    (
        "Run",
        &[
            "run",
            "name",
            "replace",
            "force",
            "dry-run",
            "device",
            "threads",
            "batch-tokens",
            "shard",
            "next-missing",
            "scratch",
            "shard-tokens",
            "no-weights",
            "older-than",
            "image",
            "gpus",
            "workers",
            "retries",
            "larder",
            "memory-gib",
            "max-array",
            "secret",
            "address",
        ],
    ),
    (
        "Output",
        &[
            "output",
            "no-texts",
            "remove",
            "to",
            "prefix",
            "home",
            "onnxruntime",
            "memory",
            "no-wait",
            "quiet",
            "verbose",
            "log-format",
            "color",
            "json",
        ],
    ),
];

/// In a command with more flags than this, `-h` shows those of [`COMMON`] alone.
const FEW_FLAGS: usize = 12;

/// The flags used most.
const COMMON: &[&str] = &[
    "encoder",
    "encoders",
    "text",
    "label",
    "input",
    "output",
    "split",
    "max-tokens",
    "layers",
    "pool",
    "pair-features",
    "head",
    "metric",
    "c",
    "lr",
    "learning-rate",
    "epochs",
    "seed",
    "seeds",
    "run",
    "name",
    "force",
    "dry-run",
    "resume",
    "count",
    "by",
    "simulate",
    "device",
    "to",
    "json",
    "home",
];

/// Arranges the help of a command and of those below it.
pub fn arranged(command: Command) -> Command {
    let has_many = command.get_arguments().filter(|arg| arg.get_long().is_some()).count() > FEW_FLAGS;
    let command = command.mut_args(|arg| arranged_arg(arg, has_many));
    command.mut_subcommands(|command| arranged(in_short(command)))
}

fn arranged_arg(arg: Arg, has_many: bool) -> Arg {
    let arg = match arg.get_help().map(ToString::to_string) {
        Some(text) if arg.get_long_help().is_none() => match first_part(&text, &[". ", "; "]) {
            Some(first) => arg.help(first.to_owned()).long_help(text),
            None => arg,
        },
        _ => arg,
    };
    let Some(long) = arg.get_long().map(str::to_owned) else { return arg };
    let arg = match group_of(&long) {
        Some(group) => arg.help_heading(group),
        None => arg,
    };
    // Those of all commands would stand in the help of each.
    let is_rare = !COMMON.contains(&long.as_str()) && (has_many || arg.is_global_set());
    arg.hide_short_help(is_rare)
}

fn group_of(long: &str) -> Option<&'static str> {
    GROUPS.iter().find(|(_, flags)| flags.contains(&long)).map(|(group, _)| *group)
}

/// A command that is described in one line where it is listed.
fn in_short(command: Command) -> Command {
    let Some(text) = command.get_about().map(ToString::to_string) else { return command };
    let has_more = command.get_long_about().is_some();
    match first_part(&text, &[": ", "; "]) {
        Some(first) if has_more => command.about(first.to_owned()),
        Some(first) => command.about(first.to_owned()).long_about(text),
        None => command,
    }
}

/// The part of a text before the first of `ends`; `None` if there is none, or it would part brackets.
fn first_part<'t>(text: &'t str, ends: &[&str]) -> Option<&'t str> {
    let first = &text[..ends.iter().filter_map(|end| text.find(end)).min()?];
    (first.matches('[').count() == first.matches(']').count()).then_some(first)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// Lines of a screen, and the columns that they wrap at.
    const SCREEN: (usize, usize) = (45, 100);

    fn each(command: &Command, look: &mut dyn FnMut(&Command)) {
        look(command);
        command.get_subcommands().for_each(|command| each(command, look));
    }

    #[test]
    fn every_flag_has_one_group() {
        let mut used = std::collections::BTreeSet::new();
        each(&Cli::command(), &mut |command| {
            for arg in command.get_arguments() {
                let Some(long) = arg.get_long() else { continue };
                let is_grouped = group_of(long).is_some() || arg.get_help_heading().is_some();
                assert!(is_grouped, "--{long} of `{}` is in no group of GROUPS", command.get_name());
                used.insert(long.to_owned());
            }
        });
        let mut listed = std::collections::BTreeSet::new();
        for flag in GROUPS.iter().flat_map(|(_, flags)| flags.iter()) {
            assert!(used.contains(*flag), "there is no flag --{flag}");
            assert!(listed.insert(*flag), "--{flag} is in two groups");
        }
        assert!(COMMON.iter().all(|flag| listed.contains(flag)));
    }

    #[test]
    fn short_help_fits_a_screen() {
        let (lines, columns) = SCREEN;
        let mut cli = arranged(Cli::command()).term_width(columns);
        cli.build();
        each(&cli, &mut |command| {
            let help = command.clone().render_help().to_string();
            assert!(
                help.lines().count() <= lines,
                "`{} -h` is {} lines long:\n{help}",
                command.get_name(),
                help.lines().count()
            );
        });
    }
}
