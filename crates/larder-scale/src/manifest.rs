//! The manifest of a finished plan. A feature set exists exactly when its manifest does.

use std::collections::{BTreeMap, BTreeSet};

use larder_files::Provenance;
use larder_store::FeatureColumnInfo;
use larder_tokens::SKIPPED_ROWS;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::commit::{Commit, missing_shards};
use crate::indexes::index_ranges;
use crate::plan::{Plan, from_json};
use crate::store::{Created, Store};
use crate::{ObjectUri, ScaleError, keys};

/// Version of a manifest's layout.
pub const MANIFEST_VERSION: u32 = 1;

/// All parts of a feature set, in the order of their rows, and what they were made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub format_version: u32,
    /// The plan.
    pub plan: String,
    /// The dataset's name.
    pub dataset: String,
    /// Its split.
    pub split: String,
    /// The encoder's name.
    pub encoder: String,
    /// The vector columns.
    pub columns: Vec<FeatureColumnInfo>,
    /// Rows of all parts.
    pub rows: u64,
    /// Bytes of all parts.
    pub bytes: u64,
    /// What a features file of all parts was made from, and on what.
    pub provenance: Provenance,
    /// The parts.
    pub parts: Vec<ManifestPart>,
}

/// One part of a feature set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// The shard.
    pub shard: usize,
    /// The key in the store.
    pub key: String,
    /// Rows.
    pub rows: u64,
    /// Size.
    pub bytes: u64,
    /// Hex blake3 digest.
    pub digest: String,
}

impl Manifest {
    /// Makes the manifest of a plan whose shards all have a commit.
    ///
    /// # Errors
    /// [`ScaleError::Incomplete`] names the shards that have none; [`ScaleError::OtherColumns`].
    pub fn of(plan: &Plan, uri: &ObjectUri, commits: &[Commit]) -> Result<Self, ScaleError> {
        let named = || named_plan(uri);
        let done: Vec<usize> = commits.iter().map(|commit| commit.shard).collect();
        let missing = missing_shards(&done, plan.shards.len());
        if !missing.is_empty() {
            let (indexes, shards) = (index_ranges(&missing), plan.shards.len());
            return Err(ScaleError::Incomplete { plan: named(), missing: missing.len(), shards, indexes });
        }
        let mut of_plan: Vec<&Commit> = commits.iter().filter(|commit| commit.shard < plan.shards.len()).collect();
        of_plan.sort_by_key(|commit| plan.shards[commit.shard].first_row());
        let columns = of_plan.first().map(|commit| commit.columns.clone()).unwrap_or_default();
        let names = |columns: &[FeatureColumnInfo]| {
            let name = |column: &FeatureColumnInfo| format!("`{}` ({} {})", column.name, column.width, column.dtype);
            columns.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        if let Some(other) = of_plan.iter().find(|commit| commit.columns != columns) {
            return Err(ScaleError::OtherColumns {
                plan: named(),
                shard: other.shard,
                found: names(&other.columns),
                first: of_plan.first().map_or(0, |commit| commit.shard),
                expected: names(&columns),
            });
        }
        // Commits are data: sums of what they say must not wrap around.
        let sum = |of: fn(&Commit) -> u64| of_plan.iter().map(|commit| of(commit)).fold(0, u64::saturating_add);
        // What differs among the workers is listed.
        let mut ran: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (part, value) in of_plan.iter().flat_map(|commit| &commit.ran) {
            ran.entry(part).or_default().insert(value);
        }
        let listed = |(part, values): (&str, BTreeSet<&str>)| {
            (part.to_owned(), values.into_iter().collect::<Vec<_>>().join(", "))
        };
        let provenance = plan
            .features
            .clone()
            .with_all(ran.into_iter().map(listed))
            .with(SKIPPED_ROWS, sum(|commit| commit.skipped))
            .with("ran.plan", &uri.plan_id);
        let part = |commit: &&Commit| {
            let Commit { shard, key, rows, bytes, digest, .. } = (*commit).clone();
            ManifestPart { shard, key, rows, bytes, digest }
        };
        Ok(Self {
            format_version: MANIFEST_VERSION,
            plan: uri.plan_id.clone(),
            dataset: plan.dataset.name.clone(),
            split: plan.dataset.split.clone(),
            encoder: plan.encoder.name.clone(),
            columns,
            rows: sum(|commit| commit.rows),
            bytes: sum(|commit| commit.bytes),
            provenance,
            parts: of_plan.iter().map(part).collect(),
        })
    }

    /// Writes the manifest, unless it is there; then that one counts. Returns the one that counts, and whether it is new.
    ///
    /// # Errors
    /// [`ScaleError`] of the store; [`ScaleError::Json`], [`ScaleError::Version`].
    pub fn create(self, store: &Store) -> Result<(Self, bool), ScaleError> {
        create(store, &self.plan.clone(), self, Self::parse)
    }

    /// Reads the manifest of a plan; `None` where it is not collected.
    ///
    /// # Errors
    /// [`ScaleError`] of the store; [`ScaleError::Json`], [`ScaleError::Version`].
    pub fn read(store: &Store, plan_id: &str) -> Result<Option<Self>, ScaleError> {
        let key = keys::manifest(plan_id);
        store.get(&key)?.map(|text| Self::parse(&text, &store.object(&key))).transpose()
    }

    fn parse(text: &[u8], uri: &str) -> Result<Self, ScaleError> {
        #[derive(Deserialize)]
        struct Kind {
            #[serde(default)]
            results: Option<IgnoredAny>,
        }
        if serde_json::from_slice::<Kind>(text).is_ok_and(|kind| kind.results.is_some()) {
            let problem = "it names results of commands".to_owned();
            return Err(ScaleError::Uri { uri: uri.to_owned(), expected: "manifest of features", problem });
        }
        from_json(text, uri, "a manifest", MANIFEST_VERSION)
    }
}

/// Returns the name of the plan of a manifest.
pub(crate) fn named_plan(uri: &ObjectUri) -> String {
    uri.store.object(&keys::plan(&uri.plan_id))
}

/// Writes a manifest, unless one is there; then that one counts. Returns the one that counts, and whether it is new.
pub(crate) fn create<M: Serialize>(
    store: &Store,
    plan_id: &str,
    manifest: M,
    parse: fn(&[u8], &str) -> Result<M, ScaleError>,
) -> Result<(M, bool), ScaleError> {
    let key = keys::manifest(plan_id);
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| ScaleError::Json {
        uri: store.object(&key),
        what: "a manifest",
        problem: error.to_string(),
    })?;
    match store.create(&key, &text)? {
        Created::Created => Ok((manifest, true)),
        Created::AlreadyThere(found) => Ok((parse(&found, &store.object(&key))?, false)),
    }
}
