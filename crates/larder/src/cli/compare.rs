//! `compare`: a dataset with encoders, or runs.

use std::path::PathBuf;

use clap::Args;
use larder_data::DatasetSpec;
use larder_onnx::Pool;
use larder_run::{EncodeOptions, TrainOptions};

use super::{HeadFlags, LevelFlags, TokenizeFlags, VectorFlags, train_options};
use crate::failure::Failure;

/// Ending of every dataset description's name, which distinguishes it from a run.
const DATASET_ENDS: &str = ".toml";

// A run's settings are recorded, so flags that would change them need `--encoders`. `VectorFlags` are listed one by one,
// because its device flag is for both.
/// `larder compare DATASET.toml --encoders A,B` puts each encoder through tokenize, encode, train and eval on the same rows
/// with the same settings, one after another; `larder compare RUN RUN` judges runs that are there. The best on each split is
/// compared with every other by a paired bootstrap over rows. Of encoders it also says what each costs.
#[derive(Debug, Args)]
#[command(mut_group("TokenizeFlags", |group| group.requires("encoders")))]
#[command(mut_group("LevelFlags", |group| group.requires("encoders")))]
#[command(mut_arg("layers", |arg| arg.requires("encoders")), mut_arg("pool", |arg| arg.requires("encoders")))]
#[command(mut_arg("dtype", |arg| arg.requires("encoders")), mut_arg("batch_tokens", |arg| arg.requires("encoders")))]
#[command(mut_group("HeadFlags", |group| group.requires("encoders")))]
pub struct CompareArgs {
    /// The dataset's TOML description (with --encoders), or the runs
    #[arg(required = true, value_name = "DATASET|RUN")]
    pub subjects: Vec<String>,
    /// The encoders' names, two or more
    #[arg(long, short, value_name = "LIST", value_delimiter = ',')]
    pub encoders: Vec<String>,
    /// Only these splits; all but train unless given
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub split: Vec<String>,
    /// Runs: the dataset's TOML description; where it was when each run was made unless given
    #[arg(long, value_name = "FILE", conflicts_with = "encoders")]
    pub dataset: Option<PathBuf>,
    /// Encode what is cached again, so that every rate is measured now; heads whose features stay the same are kept
    #[arg(long, requires = "encoders")]
    pub force: bool,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
    #[command(flatten)]
    pub level: LevelFlags,
    #[command(flatten)]
    pub vectors: VectorFlags,
    #[command(flatten)]
    pub head: HeadFlags,
}

/// The subjects of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// Encoders, on the dataset with this description.
    Encoders(PathBuf),
    /// Runs.
    Runs,
}

impl CompareArgs {
    /// # Errors
    /// A usage failure where the arguments are neither a dataset with encoders nor runs.
    pub fn compared(&self) -> Result<Compared, Failure> {
        let datasets = self.subjects.iter().filter(|subject| subject.ends_with(DATASET_ENDS)).count();
        let usage = |message: String| Err(Failure::Usage(message));
        match (self.subjects.as_slice(), self.encoders.as_slice(), datasets) {
            (_, [], 1..) => {
                usage(format!("{} is a dataset: say which encoders with --encoders A,B", self.subjects.join(" ")))
            }
            ([run], [], _) => usage(format!(
                "nothing to compare run `{run}` with: name two runs or more, or a dataset ({DATASET_ENDS}) and --encoders"
            )),
            (_, [], _) => Ok(Compared::Runs),
            ([dataset], [_, _, ..], 1) => Ok(Compared::Encoders(PathBuf::from(dataset))),
            ([_], [one], 1) => {
                usage(format!("nothing to compare encoder `{one}` with: name two or more, or use `larder run`"))
            }
            _ => usage(format!(
                "--encoders goes with one dataset, a file that ends in {DATASET_ENDS}; found {}",
                self.subjects.join(" ")
            )),
        }
    }

    /// Returns the options of an encoder with the default pooling `pool`.
    ///
    /// # Errors
    /// A usage failure for a flag that does not apply to the task.
    pub fn options(&self, spec: &DatasetSpec, pool: Pool) -> Result<TrainOptions, Failure> {
        if self.head.seeds.is_some() {
            return Err(Failure::Usage("--seeds is for `larder run`; compare takes one --seed".to_owned()));
        }
        if !self.head.shots.is_empty() {
            return Err(Failure::Usage("--shots is for `larder run`, with one encoder".to_owned()));
        }
        let options = train_options(&self.tokenize, &self.level, &self.vectors, &self.head, spec, pool)?;
        Ok(TrainOptions { encode: EncodeOptions { force: self.force, ..options.encode }, ..options })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn compared(args: &str) -> Result<Compared, String> {
        let cli = Cli::try_parse_from(["larder", "compare"].into_iter().chain(args.split_whitespace()));
        let Command::Compare(args) = cli.map_err(|error| error.to_string())?.command else { panic!() };
        args.compared().map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn a_dataset_goes_with_encoders_and_runs_with_runs() {
        assert_eq!(compared("d.toml --encoders a,b"), Ok(Compared::Encoders("d.toml".into())));
        assert_eq!(compared("d.toml -e a -e b --layers -1,-2 --force"), Ok(Compared::Encoders("d.toml".into())));
        assert_eq!(compared("one two three --device cpu --threads 1 --split dev"), Ok(Compared::Runs));
        for (args, said) in [
            ("", "DATASET|RUN"),
            ("d.toml", "--encoders A,B"),
            ("d.toml one", "--encoders A,B"),
            ("d.toml --encoders a", "larder run"),
            ("one", "two runs or more"),
            ("one two --encoders a,b", "goes with one dataset"),
            ("d.toml e.toml --encoders a,b", "goes with one dataset"),
            ("one two --layers all", "--encoders"),
            ("one two --pool cls", "--encoders"),
            ("one two --dtype f16", "--encoders"),
            ("one two --batch-tokens 9", "--encoders"),
            ("one two --metric mcc", "--encoders"),
            ("one two --seed 1", "--encoders"),
            ("one two --level word", "--encoders"),
            ("one two --max-tokens 9", "--encoders"),
            ("one two --force", "--encoders"),
        ] {
            let error = compared(args).expect_err(args);
            assert!(error.contains(said), "{args}: {error}");
        }
    }
}
