//! Commands as they stand in a file for a plan: each is a shard.

use std::path::{Path, PathBuf};

use larder_runtime::Device;

use super::{Command, Defaults, FinetuneArgs, PredictArgs, StageInputs, TrainArgs, parse, refuse};
use crate::failure::Failure;

/// Flags of every command that a worker has its own of.
const OF_WORKER: [&str; 6] = ["--home", "--onnxruntime", "--memory", "--json", "--quiet", "--no-wait"];
/// What such flags and those of several runs mean nothing for.
const A_SHARD: &str = "a shard, which is one run with the worker's own settings";

/// A command that can be a shard.
#[derive(Debug)]
pub enum PlannedArgs {
    Run(Box<TrainArgs>),
    Finetune(Box<FinetuneArgs>),
    Predict(Box<PredictArgs>),
}

impl PlannedArgs {
    /// Reads the words of a command, from its name on.
    ///
    /// # Errors
    /// A usage failure for words that are no such command, and for flags that a shard cannot have.
    pub fn parse(words: &[String]) -> Result<Self, Failure> {
        if words.is_empty() {
            return Err(Failure::Usage("a shard is `run`, `finetune` or `predict`, found nothing".to_owned()));
        }
        let is = |flag: &str| words.iter().any(|word| word.split('=').next() == Some(flag));
        refuse(&OF_WORKER.map(|flag| (flag, is(flag))), A_SHARD)?;
        let cli = parse(std::iter::once("larder".into()).chain(words.iter().map(Into::into)), &Defaults::NONE);
        let cli = cli.map_err(|error| Failure::Usage(first_line(&error.to_string())))?;
        let planned = match cli.command {
            Command::Run(args) => Self::Run(Box::new(args)),
            Command::Finetune(args) => Self::Finetune(Box::new(args)),
            Command::Predict(args) => Self::Predict(Box::new(args)),
            _ => {
                let found = words.first().map_or("", String::as_str);
                return Err(Failure::Usage(format!("a shard is `run`, `finetune` or `predict`, found `{found}`")));
            }
        };
        planned.check()?;
        match planned.files().iter().find(|file| !is_word(words, file)) {
            None => Ok(planned),
            Some(file) => Err(Failure::Usage(format!("write {} as a word of its own", file.display()))),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Run(args) => {
                let device = &args.vectors.device;
                let useless = [
                    ("--seeds", args.head.seeds.is_some()),
                    ("--shots", !args.head.shots.is_empty()),
                    ("--run", args.run.is_some()),
                    ("--device", device.device != Device::Auto),
                    ("--threads", device.threads != 0),
                ];
                refuse(&useless, A_SHARD)?;
                check_inputs(&args.inputs)
            }
            Self::Finetune(args) => {
                let useless = [
                    ("--seeds", args.seeds.is_some()),
                    ("--sweep", !args.sweep.is_empty()),
                    ("--run", args.run.is_some()),
                    ("--resume", args.resume),
                    ("--device", args.device != Device::Cpu),
                    ("--threads", args.threads != 0),
                ];
                refuse(&useless, A_SHARD)?;
                check_inputs(&args.inputs)
            }
            Self::Predict(args) => {
                let useless = [
                    ("--output", args.output.is_some()),
                    ("--force", args.force),
                    ("--device", args.device.device != Device::Auto),
                    ("--threads", args.device.threads != 0),
                ];
                refuse(&useless, A_SHARD)?;
                match &args.input {
                    Some(input) if input.as_os_str() != "-" => Ok(()),
                    _ => Err(Failure::Usage("a prediction that is a shard answers a file".to_owned())),
                }
            }
        }
    }

    /// Returns its data set and encoder.
    pub fn inputs(&self) -> Option<&StageInputs> {
        match self {
            Self::Run(args) => Some(&args.inputs),
            Self::Finetune(args) => Some(&args.inputs),
            Self::Predict(_) => None,
        }
    }

    /// Returns the files that it names.
    pub fn files(&self) -> Vec<PathBuf> {
        let own = match self {
            Self::Run(_) => None,
            Self::Finetune(args) => args.tune.init_head.as_ref(),
            Self::Predict(args) => args.input.as_ref(),
        };
        self.inputs().map(|inputs| &inputs.dataset).into_iter().chain(own).cloned().collect()
    }
}

fn check_inputs(inputs: &StageInputs) -> Result<(), Failure> {
    let is_description = inputs.dataset.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    match (is_description, &inputs.encoder) {
        (true, Some(_)) => Ok(()),
        (true, None) => Err(Failure::Usage("name the encoder of a shard: a worker takes it from the store".to_owned())),
        (false, _) => {
            let dataset = inputs.dataset.display();
            Err(Failure::Usage(format!("{dataset} is no description of a data set (a file that ends in .toml)")))
        }
    }
}

fn is_word(words: &[String], file: &Path) -> bool {
    let file = file.to_string_lossy();
    words.iter().any(|word| *word == file || word.strip_suffix(&*file).is_some_and(|flag| flag.ends_with('=')))
}

fn first_line(error: &str) -> String {
    error.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Result<usize, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        PlannedArgs::parse(&words).map(|planned| planned.files().len()).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn a_shard_is_one_run_or_one_file_answered() {
        assert_eq!(said("run d.toml -e a --seed 3 --c 1"), Ok(1));
        assert_eq!(said("finetune d.toml --encoder=a --lr 1e-5 --init-head=h.safetensors"), Ok(2));
        assert_eq!(said("predict best --input part.csv"), Ok(1));
        for (line, part) in [
            ("", "found nothing"),
            ("encode d.toml -e a", "found `encode`"),
            ("run d.toml", "name the encoder"),
            ("run d.csv -e a", "no description"),
            ("run d.toml -e a --seeds 1,2", "--seeds means nothing"),
            ("run d.toml -e a --shots 8", "--shots means nothing"),
            ("run d.toml -e a --run mine", "--run means nothing"),
            ("run d.toml -e a --device cpu", "--device means nothing"),
            ("run d.toml -e a --home=x", "--home means nothing"),
            ("run d.toml -e a --no-such", "--no-such"),
            ("finetune d.toml -e a --sweep 1e-5,2e-5", "--sweep means nothing"),
            ("finetune d.toml -e a --resume", "--resume means nothing"),
            ("predict best some text", "answers a file"),
            ("predict best --input -", "answers a file"),
            ("predict best --input a.csv --output b.csv", "--output means nothing"),
            ("predict best -ia.csv", "a word of its own"),
        ] {
            let error = said(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
