//! What the commands of a plan made: the manifest of all of it, and its scores side by side.

use std::path::{Path, PathBuf};

use larder_metrics::{Summary, summarise};
use serde::{Deserialize, Serialize};

use crate::command_plan::{CommandPlan, PlannedCommand};
use crate::commit::{Commit, CommitScore, missing_shards};
use crate::indexes::index_ranges;
use crate::manifest::{MANIFEST_VERSION, create, named_plan};
use crate::plan::from_json;
use crate::store::Store;
use crate::stored_folder::StoredFolder;
use crate::{ObjectUri, ScaleError, keys};

/// All results of a plan of commands. They exist exactly when it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultsManifest {
    /// [`MANIFEST_VERSION`].
    pub format_version: u32,
    /// The plan.
    pub plan: String,
    /// The results, in the order of the commands.
    pub results: Vec<CommandResult>,
}

/// The result of one command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandResult {
    /// Its name: the run's.
    pub name: String,
    /// The command's words.
    pub arguments: Vec<String>,
    /// Its files.
    #[serde(flatten)]
    pub folder: StoredFolder,
    /// Bytes of all of them.
    pub bytes: u64,
    /// The run's scores.
    pub scores: Vec<CommitScore>,
    /// Its worker's seconds.
    pub seconds: f64,
}

/// Commands that differ in their seed alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResultGroup {
    /// The command without a seed.
    pub command: String,
    /// The names of its runs.
    pub runs: Vec<String>,
    /// The scores that runs are compared by, one a split: more is better.
    pub scores: Vec<GroupScore>,
}

/// A score of several runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupScore {
    /// The split.
    pub split: String,
    /// The score's name.
    pub score: String,
    /// Its mean, deviation (of a sample), lowest and highest value.
    #[serde(flatten)]
    pub summary: Summary,
}

impl ResultsManifest {
    /// Makes the manifest of a plan whose commands all have a commit.
    ///
    /// # Errors
    /// [`ScaleError::Incomplete`] names those that have none.
    pub(crate) fn of(plan: &CommandPlan, uri: &ObjectUri, commits: &[Commit]) -> Result<Self, ScaleError> {
        let done: Vec<usize> = commits.iter().map(|commit| commit.shard).collect();
        let (missing, shards) = (missing_shards(&done, plan.commands.len()), plan.commands.len());
        if !missing.is_empty() {
            let indexes = index_ranges(&missing);
            return Err(ScaleError::Incomplete { plan: named_plan(uri), missing: missing.len(), shards, indexes });
        }
        let result = |commit: &Commit| {
            let command = plan.commands.get(commit.shard)?;
            Some(CommandResult {
                name: CommandPlan::result_name(&uri.plan_id, commit.shard),
                arguments: command.arguments.clone(),
                folder: StoredFolder { digest: commit.digest.clone(), files: commit.files.clone() },
                bytes: commit.bytes,
                scores: commit.scores.clone(),
                seconds: commit.seconds,
            })
        };
        let results = commits.iter().filter_map(result).collect();
        Ok(Self { format_version: MANIFEST_VERSION, plan: uri.plan_id.clone(), results })
    }

    /// Returns the commands that have scores, those that differ in their seed alone together, the best on the first split first.
    pub fn groups(&self) -> Vec<ResultGroup> {
        let mut grouped: Vec<(String, Vec<&CommandResult>)> = Vec::new();
        for result in self.results.iter().filter(|result| !result.scores.is_empty()) {
            let (command, _) = PlannedCommand::without_seed(&result.arguments);
            match grouped.iter_mut().find(|(known, _)| *known == command) {
                Some((_, results)) => results.push(result),
                None => grouped.push((command, vec![result])),
            }
        }
        let mut groups: Vec<ResultGroup> = grouped
            .into_iter()
            .map(|(command, results)| {
                let runs = results.iter().map(|result| result.name.clone()).collect();
                ResultGroup { command, runs, scores: group_scores(&results) }
            })
            .collect();
        let mean = |group: &ResultGroup| group.scores.first().map_or(f64::NEG_INFINITY, |score| score.summary.mean);
        groups.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
        groups
    }

    /// Returns the result with the highest score on the first split, with that score; `None` where nothing was scored.
    pub fn best(&self) -> Option<(&CommandResult, &CommitScore)> {
        let scored = self.results.iter().filter_map(|result| Some((result, result.scores.first()?)));
        // Of equal ones the first.
        scored.reduce(|best, next| if next.1.value > best.1.value { next } else { best })
    }
}

/// Sums up the first score of each split.
fn group_scores(results: &[&CommandResult]) -> Vec<GroupScore> {
    let mut found: Vec<(&str, &str, Vec<f64>)> = Vec::new();
    for result in results {
        let mut splits: Vec<&str> = Vec::new();
        for CommitScore { split, score, value } in &result.scores {
            if splits.contains(&split.as_str()) {
                continue;
            }
            splits.push(split);
            match found.iter_mut().find(|(known, name, _)| known == split && name == score) {
                Some((.., values)) => values.push(*value),
                None => found.push((split, score, vec![*value])),
            }
        }
    }
    let summed = |(split, score, values): (&str, &str, Vec<f64>)| GroupScore {
        split: split.to_owned(),
        score: score.to_owned(),
        summary: summarise(&values),
    };
    found.into_iter().map(summed).collect()
}

/// The results of a plan in a store: exactly what its manifest names.
#[derive(Debug)]
pub struct ResultSet {
    store: Store,
    manifest: ResultsManifest,
}

impl ResultSet {
    pub(crate) fn of(store: Store, manifest: ResultsManifest) -> Self {
        Self { store, manifest }
    }

    /// The manifest.
    pub fn manifest(&self) -> &ResultsManifest {
        &self.manifest
    }

    /// The name of the manifest in its store.
    pub fn uri(&self) -> String {
        self.store.object(&keys::manifest(&self.manifest.plan))
    }

    /// Brings all results into `folder`, each into a folder of its name. Those that are there stay. `each` hears how many were brought.
    ///
    /// # Errors
    /// [`ScaleError::NotThere`], [`ScaleError::Damaged`], [`ScaleError::File`]; [`ScaleError`] of the store.
    pub fn bring(&self, folder: &Path, each: &mut dyn FnMut(usize)) -> Result<Vec<PathBuf>, ScaleError> {
        let mut brought = Vec::new();
        for result in &self.manifest.results {
            let target = folder.join(&result.name);
            result.folder.fetch_result(&self.store, &target)?;
            brought.push(target);
            each(brought.len());
        }
        Ok(brought)
    }
}

impl ResultsManifest {
    pub(crate) fn create(self, store: &Store) -> Result<(Self, bool), ScaleError> {
        create(store, &self.plan.clone(), self, Self::parse)
    }

    pub(crate) fn read(store: &Store, plan_id: &str) -> Result<Option<Self>, ScaleError> {
        let key = keys::manifest(plan_id);
        store.get(&key)?.map(|text| Self::parse(&text, &store.object(&key))).transpose()
    }

    fn parse(text: &[u8], uri: &str) -> Result<Self, ScaleError> {
        from_json(text, uri, "a manifest of results", MANIFEST_VERSION)
    }
}
