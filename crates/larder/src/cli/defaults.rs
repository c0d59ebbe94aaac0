//! Defaults of flags: an environment variable for each flag, and `larder.toml` for the few of [`FILE_KEYS`]. A flag goes first, then
//! the variable, then the file.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

/// The flags that `larder.toml` may give.
pub const FILE_KEYS: [&str; 5] = ["home", "encoder", "device", "threads", "memory"];

/// Flags with a better default than any for a whole folder: what the file at hand was made with.
const OF_THEIR_FILE: [(&str, &str); 2] = [("inspect", "encoder"), ("verify", "encoder")];

/// Where defaults come from.
pub struct Defaults {
    /// Reads an environment variable.
    pub variable: fn(&str) -> Option<OsString>,
    /// `larder.toml`, if there is one: where it is, and its flags with their values.
    pub file: Option<(PathBuf, Vec<(String, String)>)>,
}

/// A flag's value in force, and where it was given.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    pub name: &'static str,
    pub value: Option<String>,
    pub from: String,
}

/// Returns the environment variable of a flag: `LARDER_ON_BAD_ROW` of `--on-bad-row`.
pub fn variable(long: &str) -> String {
    format!("LARDER_{}", long.replace('-', "_").to_uppercase())
}

impl Defaults {
    /// No defaults but larder's own.
    pub const NONE: Self = Self { variable: |_| None, file: None };

    /// Returns the default of a flag, and where it was given.
    fn of(&self, long: &str) -> Option<(OsString, String)> {
        let variable = variable(long);
        if let Some(value) = (self.variable)(&variable).filter(|value| !value.is_empty()) {
            return Some((value, variable));
        }
        let (path, values) = self.file.as_ref()?;
        let (_, value) = values.iter().find(|(key, _)| key == long)?;
        Some((value.into(), path.display().to_string()))
    }

    /// Gives the defaults to the flags of a command and of those below it.
    pub fn given_to(&self, command: Command) -> Command {
        let name = command.get_name().to_owned();
        let command = command.mut_args(|arg| self.given_to_arg(&name, arg));
        command.mut_subcommands(|command| self.given_to(command))
    }

    fn given_to_arg(&self, command: &str, arg: Arg) -> Arg {
        let Some(long) = arg.get_long().filter(|long| !OF_THEIR_FILE.contains(&(command, long))) else { return arg };
        match self.of(long) {
            // The parser takes a default for right; a wrong one is told once it is needed.
            Some((value, _)) if arg.get_action().takes_values() => match check(&arg, &value) {
                Ok(()) => arg.required(false).default_value(value),
                Err(_) => arg,
            },
            Some((value, _)) => {
                let is_set = !["0", "false", "no", "off"].iter().any(|no| value.eq_ignore_ascii_case(OsStr::new(no)));
                arg.default_value(if is_set { "true" } else { "false" })
            }
            None => arg,
        }
    }

    /// Rejects a default that is needed and is no value of its flag, and says where it was given. `command` is the one that was
    /// parsed.
    pub fn check(&self, command: &Command, matches: &ArgMatches) -> Result<(), clap::Error> {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let is_exempt = |long: &&str| OF_THEIR_FILE.contains(&(command.get_name(), *long));
            let Some(long) = arg.get_long().filter(|long| !is_exempt(long)) else { continue };
            let is_given = matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
            let Some((value, from)) = self.of(long).filter(|_| !is_given) else { continue };
            check(arg, &value).map_err(|mut error| {
                let tip = StyledStr::from(format!("it was given by {from}"));
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
                error
            })?;
        }
        match matches.subcommand().and_then(|(name, below)| Some((command.find_subcommand(name)?, below))) {
            Some((command, below)) => self.check(command, below),
            None => Ok(()),
        }
    }

    /// Returns the values in force of the flags that `larder.toml` may give, as far as a command has them.
    pub fn in_force(&self, matches: &ArgMatches) -> Vec<Setting> {
        let mut innermost = matches;
        while let Some((_, below)) = innermost.subcommand() {
            innermost = below;
        }
        let setting = |name: &'static str| {
            let values = innermost.try_get_raw(name).ok()?;
            let value = values.and_then(|mut values| values.next()).map(|value| value.to_string_lossy().into_owned());
            let is_default = innermost.value_source(name) != Some(ValueSource::CommandLine);
            let from = match self.of(name) {
                _ if !is_default => format!("--{name}"),
                Some((_, from)) => from,
                None => "larder's own".to_owned(),
            };
            Some(Setting { name, value, from })
        };
        FILE_KEYS.into_iter().filter_map(setting).collect()
    }
}

/// Rejects what is no value of a flag, as the parser does where it is typed.
fn check(arg: &Arg, value: &OsStr) -> Result<(), clap::Error> {
    let long = arg.get_long().unwrap_or_default();
    let names = arg.get_value_names().unwrap_or_default().iter().cloned();
    let mut alone = Arg::new("value")
        .long(long.to_owned())
        .value_names(names)
        .value_parser(arg.get_value_parser().clone())
        .num_args(1);
    if let Some(delimiter) = arg.get_value_delimiter() {
        alone = alone.value_delimiter(delimiter).action(ArgAction::Append);
    }
    let mut flag = OsString::from(format!("--{long}="));
    flag.push(value);
    Command::new("larder").arg(alone).try_get_matches_from([OsString::from("larder"), flag]).map(drop)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::cli::{Cli, Command as Parsed, command};

    fn parsed(defaults: &Defaults, args: &[&str]) -> Result<(Cli, Vec<Setting>), clap::Error> {
        let mut command = defaults.given_to(command());
        let matches = command.try_get_matches_from_mut(args)?;
        defaults.check(&command, &matches)?;
        Ok((Cli::from_arg_matches(&matches).unwrap(), defaults.in_force(&matches)))
    }

    fn file() -> Option<(PathBuf, Vec<(String, String)>)> {
        let values = [("encoder", "of_file"), ("threads", "3"), ("home", "/of/file")];
        let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Some(("/here/larder.toml".into(), values))
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_that_before_the_file() {
        let variable = |name: &str| (name == "LARDER_ENCODER").then(|| "of_environment".into());
        let defaults = Defaults { variable, file: file() };
        let (cli, settings) = parsed(&defaults, &["larder", "run", "d.toml", "--home", "/of/flag"]).unwrap();
        let Parsed::Run(args) = cli.command else { panic!() };
        assert_eq!(cli.home, PathBuf::from("/of/flag"));
        assert_eq!(args.inputs.encoder.as_deref(), Some("of_environment"));
        let from: Vec<&str> = settings.iter().map(|setting| setting.from.as_str()).collect();
        assert_eq!(from, ["--home", "LARDER_ENCODER", "larder's own", "/here/larder.toml", "larder's own"]);
        assert_eq!(settings[3].value.as_deref(), Some("3"));
        let (cli, _) = parsed(&defaults, &["larder", "embed", "a text"]).unwrap();
        let Parsed::Embed(args) = cli.command else { panic!() };
        assert_eq!((args.encoder.as_str(), cli.home), ("of_environment", "/of/file".into()));
    }

    #[test]
    fn a_default_is_no_flag_that_another_one_forbids_or_needs() {
        let variable = |name: &str| match name {
            "LARDER_PREFIX" => Some("p_".into()),
            "LARDER_ENCODER" => Some("mine".into()),
            "LARDER_QUIET" => Some("1".into()),
            "LARDER_NO_WAIT" => Some("off".into()),
            "LARDER_LAYERS" => Some("-1,-2".into()),
            _ => None,
        };
        let defaults = Defaults { variable, file: None };
        let (cli, _) = parsed(&defaults, &["larder", "predict", "run", "a text"]).unwrap();
        assert!(cli.quiet && !cli.no_wait);
        let (cli, _) = parsed(&defaults, &["larder", "verify", "some.parquet"]).unwrap();
        let Parsed::Verify(args) = cli.command else { panic!() };
        assert_eq!(args.encoder, None);
        let (cli, _) = parsed(&defaults, &["larder", "encode", "d.toml"]).unwrap();
        let Parsed::Encode(args) = cli.command else { panic!() };
        assert_eq!(args.vectors.layers.unwrap().to_string(), "-1,-2");
    }

    #[test]
    fn a_mistake_says_where_it_was_made() {
        let variable = |name: &str| (name == "LARDER_THREADS").then(|| "many".into());
        let error = parsed(&Defaults { variable, file: None }, &["larder", "doctor"]).unwrap_err().to_string();
        assert!(error.contains("'many' for '--threads <N>'") && error.contains("given by LARDER_THREADS"), "{error}");
        let error = parsed(&Defaults { variable, file: None }, &["larder", "doctor", "--threads", "two"]).unwrap_err();
        assert!(!error.to_string().contains("LARDER_THREADS"), "{error}");
    }

    /// Each flag of each command takes its variable, if that is a value of it.
    #[test]
    fn every_flag_has_a_variable() {
        let every = Defaults { variable: |_| Some("1".into()), file: None };
        let mut given = every.given_to(Cli::command());
        given.build();
        fn look(command: &Command, taken: &mut usize) {
            for arg in command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
                let is_exempt = OF_THEIR_FILE.contains(&(command.get_name(), arg.get_id().as_str()));
                if arg.get_long().is_none() || is_exempt {
                    continue;
                }
                let is_taken = arg.get_default_values().first().is_some_and(|value| value == "1" || value == "true");
                assert!(is_taken || check(arg, OsStr::new("1")).is_err(), "{arg} of {}", command.get_name());
                *taken += usize::from(is_taken);
            }
            command.get_subcommands().filter(|command| command.get_name() != "help").for_each(|one| look(one, taken));
        }
        let mut taken = 0;
        look(&given, &mut taken);
        assert!(taken > 150, "{taken}");
    }
}
