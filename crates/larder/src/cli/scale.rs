//! `plan`, `work`, `collect`, `status` and `gc` as typed: work on many machines.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use larder_data::DatasetSpec;
use larder_onnx::Pool;
use larder_pipeline::ShardChoice;
use larder_run::{EncodeOptions, TRAIN_SPLIT};
use larder_runtime::Device;
use larder_scale::{DEFAULT_SHARD_TOKENS, ObjectUri};

use super::{DeviceFlags, LevelFlags, TokenizeFlags, VectorFlags, refuse};
use crate::failure::Failure;

/// The variables in which engines tell a task its number.
const INDEX_VARIABLES: [&str; 2] = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/// A split to be cut, or commands.
#[derive(Debug, Args)]
#[command(mut_group("TokenizeFlags", |group| group.conflicts_with("commands")))]
#[command(mut_group("LevelFlags", |group| group.conflicts_with("commands")))]
#[command(mut_group("VectorFlags", |group| group.conflicts_with("commands")))]
pub struct PlanArgs {
    /// The dataset's TOML description
    #[arg(required_unless_present = "commands", conflicts_with = "commands")]
    pub dataset: Option<PathBuf>,
    /// The encoder's name
    #[arg(long, short, required_unless_present = "commands", conflicts_with = "commands")]
    pub encoder: Option<String>,
    /// A file of commands in place of a dataset, one a line and each a shard: `run` or `finetune` with a description and an encoder, or
    /// `predict` with a run and --input. The worker names the run or the output
    #[arg(long, value_name = "FILE")]
    pub commands: Option<PathBuf>,
    /// With --commands: a fine-tuned encoder stays in its worker's home, and the rest of the run alone goes into the store
    #[arg(long, requires = "commands")]
    pub no_weights: bool,
    /// The store: a folder, file:///FOLDER or s3://BUCKET/PREFIX (credentials, region and endpoint from AWS_… or a profile)
    #[arg(long, value_name = "URI")]
    pub to: String,
    /// The split
    #[arg(long, value_name = "NAME", default_value = TRAIN_SPLIT, conflicts_with = "commands")]
    pub split: String,
    /// Forecast tokens that a shard aims at: minutes of work
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SHARD_TOKENS, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "commands")]
    pub shard_tokens: u64,
    /// Put copies of the input files into the store, for workers that do not see their paths; each fetches the bytes of its rows
    #[arg(long)]
    pub copy_inputs: bool,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
    #[command(flatten)]
    pub level: LevelFlags,
    #[command(flatten)]
    pub vectors: VectorFlags,
}

/// Shards to be worked.
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// The plan's name, as `larder plan` prints it
    pub plan: String,
    /// The shard, from 0; that of SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX unless given
    #[arg(long, value_name = "K", conflicts_with = "next_missing")]
    pub shard: Option<usize>,
    /// Shards that are missing, one after another, of every Nth from I on (0/N to N-1/N), until none of them is
    #[arg(long, value_name = "I/N", value_parser = slice_of)]
    pub next_missing: Option<(usize, usize)>,
    /// Folder on this machine's own disk for work under way; `scratch` in the home unless given
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceFlags,
}

/// A plan to be ended.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// The plan's name, as `larder plan` prints it
    pub plan: String,
    /// Bring all parts here too, joined into one features file as `larder encode` writes it. Of commands: a folder, into which each result
    /// comes as a folder; `runs` in the home makes runs of them
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// Features that were made on other machines.
#[derive(Debug, Args)]
pub struct FeatureSetFlags {
    /// Features of a split that workers made, in place of an encode here: the manifest's name, as `larder collect` prints it. They are brought
    /// here once. Several splits: once each
    #[arg(long = "features", value_name = "MANIFEST", value_parser = manifest)]
    pub sets: Vec<ObjectUri>,
}

/// A plan to be asked about.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The plan's name, as `larder plan` prints it
    pub plan: String,
}

/// Without a store, the home's tokens and features that no run needs are listed, and with --remove removed: they can be made again. Of
/// a store, parts that nothing names are removed.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// A store: a folder, file:///FOLDER or s3://BUCKET/PREFIX
    pub store: Option<String>,
    /// Only what is older: a number and s, m, h or d. A younger part may be a worker's that is about to commit
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    pub older_than: Duration,
    /// Of a store: say what would be removed
    #[arg(long, requires = "store")]
    pub dry_run: bool,
    /// Of the home: remove what is listed
    #[arg(long, conflicts_with = "store")]
    pub remove: bool,
}

impl PlanArgs {
    /// # Errors
    /// A usage failure for a flag that does not apply to the task, the level or a plan.
    pub fn options(&self, spec: &DatasetSpec, pool: Pool) -> Result<EncodeOptions, Failure> {
        let DeviceFlags { device, threads } = self.vectors.device;
        let of_worker = [("--device", device != Device::Auto), ("--threads", threads != 0)];
        refuse(&of_worker, "a plan, whose workers have their own")?;
        self.tokenize.check(spec.task)?;
        let settings = self.vectors.settings_for(&self.level, spec.task, pool)?;
        self.tokenize.check_level(settings.level)?;
        Ok(EncodeOptions { tokenize: self.tokenize.options(spec, false), settings, force: false })
    }
}

impl WorkArgs {
    /// # Errors
    /// A usage failure where no shard is named.
    pub fn choice(&self) -> Result<ShardChoice, Failure> {
        if let Some((slice, of)) = self.next_missing {
            return Ok(ShardChoice::NextMissing { slice, of });
        }
        if let Some(shard) = self.shard {
            return Ok(ShardChoice::One(shard));
        }
        let given = INDEX_VARIABLES.iter().find_map(|name| Some((name, std::env::var(name).ok()?)));
        let Some((name, value)) = given else {
            let variables = INDEX_VARIABLES.join(" nor ");
            return Err(Failure::Usage(format!(
                "no shard is named: neither {variables} is set; give --shard, or --next-missing 0/1 for all that are left"
            )));
        };
        match value.parse() {
            Ok(shard) => Ok(ShardChoice::One(shard)),
            Err(_) => Err(Failure::Usage(format!("{name} is {value:?}, which is no shard's number"))),
        }
    }
}

/// Reads a manifest's name.
fn manifest(text: &str) -> Result<ObjectUri, String> {
    ObjectUri::manifest(text).map_err(|error| error.to_string())
}

/// Reads `I/N`.
fn slice_of(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(slice, of)| Some((slice.parse().ok()?, of.parse().ok()?)));
    match parsed {
        Some((slice, of)) if slice < of => Ok((slice, of)),
        Some((_, of)) if of > 0 => Err(format!("slices of {of} are 0/{of} to {}/{of}", of - 1)),
        _ => Err("expected I/N, such as 0/4: the first of four slices".to_owned()),
    }
}

/// Reads a number and a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number and s, m, h or d, such as 90m".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_slices_are_read() {
        assert_eq!(duration("90m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "h", "1", "1y", "-1h", "1.5h", "99999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(slice_of("3/4"), Ok((3, 4)));
        for wrong in ["4/4", "1", "a/b", "0/0", "-1/2"] {
            assert!(slice_of(wrong).is_err(), "{wrong}");
        }
    }
}
