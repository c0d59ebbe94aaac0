//! Commits: which part is the features of a shard, or which result is its command's. One is created once, and never changed.

use std::collections::BTreeMap;

use larder_store::FeatureColumnInfo;
use serde::{Deserialize, Serialize};

use crate::plan::{PlannedFile, from_json};
use crate::store::{Created, Store};
use crate::{ScaleError, keys};

/// Version of a commit's layout.
pub const COMMIT_VERSION: u32 = 1;

/// The part of a shard, and how it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// [`COMMIT_VERSION`].
    pub format_version: u32,
    /// The shard.
    pub shard: usize,
    /// The key of the part, or of the result's folder.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// Rows of the features file.
    pub rows: u64,
    /// Hex blake3 digest of the part.
    pub digest: String,
    /// The vector columns.
    pub columns: Vec<FeatureColumnInfo>,
    /// Tokens that were read.
    pub tokens: u64,
    /// Examples that were left out.
    pub skipped: u64,
    /// Wall-clock seconds of the worker, from its start to this commit.
    pub seconds: f64,
    /// The device that ran.
    pub device: String,
    /// The larder that made it.
    pub larder: String,
    /// How it ran, as the part's provenance tells: ONNX Runtime, graph, batches.
    pub ran: BTreeMap<String, String>,
    /// Seconds since 1970 when the worker began, by its clock.
    pub started: f64,
    /// Seconds since 1970 when it was done, by its clock.
    pub finished: f64,
    /// Of a command: the files of its result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PlannedFile>,
    /// Of a command that judged its run: the scores; of each split first the one that runs are compared by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<CommitScore>,
}

/// A score of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommitScore {
    /// The split.
    pub split: String,
    /// The score's name.
    pub score: String,
    /// Its value.
    pub value: f64,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitOutcome {
    /// It counts.
    Committed,
    /// Another worker's came first. It is the same part if the digests agree.
    Lost(Box<Commit>),
}

impl Commit {
    /// Returns true if the shard has a commit.
    ///
    /// # Errors
    /// [`ScaleError`] of the store.
    pub fn exists(store: &Store, plan_id: &str, shard: usize) -> Result<bool, ScaleError> {
        Ok(store.head(&keys::commit(plan_id, shard))?.is_some())
    }

    /// Makes the commit, unless another is there.
    ///
    /// # Errors
    /// [`ScaleError`] of the store; [`ScaleError::Json`] for a commit there that cannot be read.
    pub fn create(&self, store: &Store, plan_id: &str) -> Result<CommitOutcome, ScaleError> {
        let key = keys::commit(plan_id, self.shard);
        let text = serde_json::to_vec(self).map_err(|error| ScaleError::Json {
            uri: store.object(&key),
            what: "a commit",
            problem: error.to_string(),
        })?;
        match store.create(&key, &text)? {
            Created::Created => Ok(CommitOutcome::Committed),
            Created::AlreadyThere(found) => {
                Self::parse(&found, &store.object(&key)).map(Box::new).map(CommitOutcome::Lost)
            }
        }
    }

    /// Reads all commits of a plan, by shard.
    ///
    /// # Errors
    /// [`ScaleError`] of the store; [`ScaleError::Json`], [`ScaleError::Version`].
    pub fn read_all(store: &Store, plan_id: &str) -> Result<Vec<Self>, ScaleError> {
        let keys: Vec<String> = Self::keys(store, plan_id)?.into_iter().map(|(_, key)| key).collect();
        let texts = store.get_all(&keys)?;
        let mut commits: Vec<Self> =
            texts.iter().map(|(key, text)| Self::parse(text, &store.object(key))).collect::<Result<_, _>>()?;
        commits.sort_by_key(|commit| commit.shard);
        Ok(commits)
    }

    /// Lists the shards that have a commit, ascending: one listing, no object is read.
    ///
    /// # Errors
    /// [`ScaleError`] of the store.
    pub fn shards(store: &Store, plan_id: &str) -> Result<Vec<usize>, ScaleError> {
        Ok(Self::keys(store, plan_id)?.into_iter().map(|(shard, _)| shard).collect())
    }

    fn keys(store: &Store, plan_id: &str) -> Result<Vec<(usize, String)>, ScaleError> {
        let listed = store.list(&keys::commits(plan_id))?;
        let mut keys: Vec<(usize, String)> =
            listed.into_iter().filter_map(|object| Some((keys::shard_of_commit(&object.key)?, object.key))).collect();
        keys.sort();
        Ok(keys)
    }

    pub(crate) fn parse(text: &[u8], uri: &str) -> Result<Self, ScaleError> {
        from_json(text, uri, "a commit", COMMIT_VERSION)
    }
}

/// Returns the shards below `count` that are not among `done`, which is ascending.
pub fn missing_shards(done: &[usize], count: usize) -> Vec<usize> {
    (0..count).filter(|shard| done.binary_search(shard).is_err()).collect()
}
