//! The keys of everything in a store.
//!
//! ```text
//! plans/<plan>.json             what is to be done; created once
//! encoders/<digest>/<file>      the encoder of plans, by its content
//! inputs/<digest>               input files of plans that were made with copies, by their content
//! parts/<digest>.parquet        features of one shard, by their content
//! results/<digest>/<file>       a run, or what a command made, by its content
//! commits/<plan>/<shard>.json   which part or result a shard's is; created once
//! manifests/<plan>.json         all parts or results of a plan; created once
//! ```

/// Parts and their ending.
pub(crate) const PARTS: &str = "parts";
pub(crate) const PLANS: &str = "plans";
pub(crate) const COMMITS: &str = "commits";
pub(crate) const MANIFESTS: &str = "manifests";
pub(crate) const ENCODERS: &str = "encoders";
pub(crate) const RESULTS: &str = "results";
pub(crate) const INPUTS: &str = "inputs";

/// Returns the key of a plan.
pub fn plan(plan_id: &str) -> String {
    format!("{PLANS}/{plan_id}.json")
}

/// Returns the key of a file of an encoder.
pub fn encoder_file(digest: &str, name: &str) -> String {
    format!("{ENCODERS}/{digest}/{name}")
}

/// Returns the key of a result.
pub fn result(digest: &str) -> String {
    format!("{RESULTS}/{digest}")
}

/// Returns the key of a file of a result, or of a run.
pub fn result_file(digest: &str, name: &str) -> String {
    format!("{RESULTS}/{digest}/{name}")
}

/// Returns the key of a copied input.
pub fn input(digest: &str) -> String {
    format!("{INPUTS}/{digest}")
}

/// Returns the key of a shard's features.
pub fn part(digest: &str) -> String {
    format!("{PARTS}/{digest}.parquet")
}

/// Returns the key of all commits of a plan.
pub fn commits(plan_id: &str) -> String {
    format!("{COMMITS}/{plan_id}")
}

/// Returns the key of a shard's commit.
pub fn commit(plan_id: &str, shard: usize) -> String {
    format!("{COMMITS}/{plan_id}/{shard:06}.json")
}

/// Returns the shard that a key of a commit is of.
pub fn shard_of_commit(key: &str) -> Option<usize> {
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

/// Returns the key of a plan's manifest.
pub fn manifest(plan_id: &str) -> String {
    format!("{MANIFESTS}/{plan_id}.json")
}
