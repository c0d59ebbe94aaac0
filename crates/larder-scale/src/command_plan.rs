//! Commands of larder as the shards of a plan: runs of a sweep, with several seeds or encoders, and predictions over files.

use serde::{Deserialize, Serialize};

use crate::ScaleError;
use crate::plan::{PLAN_VERSION, PlannedEncoder, PlannedInput, create};
use crate::store::Store;
use crate::stored_folder::StoredFolder;

/// Digits of a plan's name in the names of its runs.
const SHORT_ID: usize = 8;

/// Commands, each a shard, and what they read. Its name is the digest of its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandPlan {
    /// [`PLAN_VERSION`].
    pub format_version: u32,
    /// The larder that made it.
    pub larder: String,
    /// The encoders that commands name.
    pub encoders: Vec<PlannedEncoder>,
    /// The runs that predictions are made with.
    pub runs: Vec<PlannedRun>,
    /// Descriptions of data sets, their files, and other files that commands read.
    pub inputs: Vec<PlannedInput>,
    /// False if a fine-tuned encoder stays with its worker, and the rest of the run alone goes into the store.
    pub keeps_weights: bool,
    /// The commands.
    pub commands: Vec<PlannedCommand>,
}

/// A run in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// Its name.
    pub name: String,
    /// Its files.
    #[serde(flatten)]
    pub folder: StoredFolder,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedCommand {
    /// Its words, from `run`, `finetune` or `predict` on. Paths of inputs are those in the plan.
    pub arguments: Vec<String>,
    /// The places of its encoders among those of the plan.
    pub encoders: Vec<usize>,
    /// The place of the run that it predicts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<usize>,
    /// The places of its inputs.
    pub inputs: Vec<usize>,
}

impl PlannedCommand {
    /// Returns the command as it is typed.
    pub fn line(&self) -> String {
        crate::submit::shell_words(&self.arguments)
    }

    /// Returns the command without its seed, which runs that differ in nothing else have in common, and the seed.
    pub fn without_seed(arguments: &[String]) -> (String, Option<String>) {
        let (mut rest, mut seed) = (Vec::new(), None);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.strip_prefix("--seed") {
                Some("") => seed = words.next().cloned(),
                Some(value) if value.starts_with('=') => seed = Some(value[1..].to_owned()),
                _ => rest.push(word.clone()),
            }
        }
        (crate::submit::shell_words(&rest), seed)
    }
}

impl CommandPlan {
    /// Returns the name of a shard's result: that of its run, and of its folder where results are collected.
    pub fn result_name(plan_id: &str, shard: usize) -> String {
        let short: String = plan_id.chars().take(SHORT_ID).collect();
        format!("{short}-{shard:03}")
    }

    /// Writes the plan into the store. Returns its name, and whether it is new: one that is there is the same.
    ///
    /// # Errors
    /// [`ScaleError`].
    pub fn create(&self, store: &Store) -> Result<(String, bool), ScaleError> {
        debug_assert_eq!(self.format_version, PLAN_VERSION);
        create(store, self)
    }
}
