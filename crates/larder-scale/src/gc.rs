//! Removing what nothing in a store names: parts of workers that lost a race or died before their commit.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::commit::Commit;
use crate::plan::{PlannedEncoder, PlannedInput};
use crate::store::{Listed, Store};
use crate::stored_plan::StoredPlan;
use crate::{ScaleError, keys};

/// What was, or would be, removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Garbage {
    /// Keys of objects that nothing names, sorted.
    pub keys: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that nothing names and that are too young to be sure.
    pub young: usize,
}

/// Finds what nothing names and is older than `older_than`, and removes it unless `dry_run`: parts without a commit, encoders and
/// inputs without a plan, and what killed writers left. Plans, commits and manifests stay.
///
/// A part is put before its commit, so one that is younger may be a worker's that is about to commit. Age is by the store's clock
/// against this machine's.
///
/// # Errors
/// [`ScaleError`] of the store; a plan or commit that cannot be read stops it, because what it names would be lost.
pub fn collect_garbage(store: &Store, older_than: Duration, dry_run: bool) -> Result<Garbage, ScaleError> {
    // Objects first, names after: whatever is named in between stays.
    let mut found: Vec<Listed> = Vec::new();
    for folder in [keys::PARTS, keys::RESULTS, keys::ENCODERS, keys::INPUTS, "probes"] {
        found.extend(store.list(folder)?);
    }
    let named = named(store)?;
    let is_old = |modified: SystemTime| SystemTime::now().duration_since(modified).is_ok_and(|age| age >= older_than);
    let unnamed = found.into_iter().filter(|object| !named.contains(&object.key));
    let (old, young): (Vec<Listed>, Vec<Listed>) = unnamed.partition(|object| is_old(object.modified));
    let mut garbage = Garbage {
        bytes: old.iter().map(|object| object.bytes).sum(),
        keys: old.into_iter().map(|object| object.key).collect(),
        young: young.len(),
    };
    if !dry_run {
        // A commit that came meanwhile saves its part.
        let named = self::named(store)?;
        garbage.keys.retain(|key| !named.contains(key));
        store.delete(&garbage.keys)?;
    }
    if let Some(folder) = store.uri().folder() {
        for (key, bytes) in left_by_killed_writers(folder, &is_old) {
            garbage.bytes += bytes;
            if !dry_run {
                // Somebody else may have removed it.
                let _ = std::fs::remove_file(folder.join(&key));
            }
            garbage.keys.push(key);
        }
    }
    garbage.keys.sort();
    Ok(garbage)
}

/// Returns the keys that plans and commits name.
fn named(store: &Store) -> Result<BTreeSet<String>, ScaleError> {
    let texts = |folder: &str| {
        let keys: Vec<String> = store.list(folder)?.into_iter().map(|object| object.key).collect();
        store.get_all(&keys)
    };
    let mut named = BTreeSet::new();
    for (key, text) in texts(keys::COMMITS)? {
        let Commit { key, digest, files, .. } = Commit::parse(&text, &store.object(&key))?;
        named.extend(files.iter().map(|file| keys::result_file(&digest, &file.name)));
        named.insert(key);
    }
    for (key, text) in texts(keys::PLANS)? {
        match StoredPlan::parse(&text, &store.object(&key))? {
            StoredPlan::Features(plan) => name_inputs(&mut named, std::slice::from_ref(&plan.encoder), &plan.inputs),
            StoredPlan::Commands(plan) => {
                name_inputs(&mut named, &plan.encoders, &plan.inputs);
                let files = plan.runs.iter().flat_map(|run| run.folder.files.iter().map(move |file| (run, file)));
                named.extend(files.map(|(run, file)| keys::result_file(&run.folder.digest, &file.name)));
            }
        }
    }
    Ok(named)
}

/// Adds the keys of what a plan's workers read.
fn name_inputs(named: &mut BTreeSet<String>, encoders: &[PlannedEncoder], inputs: &[PlannedInput]) {
    let files = encoders.iter().flat_map(|encoder| encoder.files.iter().map(move |file| (encoder, file)));
    named.extend(files.map(|(encoder, file)| keys::encoder_file(&encoder.digest, &file.name)));
    named.extend(inputs.iter().filter(|input| input.copied).map(|input| keys::input(&input.digest)));
}

/// Returns the files of a folder that were being written when their writer was killed: the crate `object_store` calls them like their
/// target, with `#` and a number behind it, and lists none of them.
fn left_by_killed_writers(store: &Path, is_old: &dyn Fn(SystemTime) -> bool) -> Vec<(String, u64)> {
    let mut left = Vec::new();
    let mut folders = vec![store.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.rsplit_once('#').map(|(_, number)| number);
            let is_staged = number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()));
            if is_staged
                && metadata.modified().is_ok_and(is_old)
                && let Ok(key) = path.strip_prefix(store)
            {
                left.push((key.to_string_lossy().into_owned(), metadata.len()));
            }
        }
    }
    left
}
