//! Ending a plan, and asking how far it is.

use crate::commit::Commit;
use crate::feature_set::FeatureSet;
use crate::manifest::Manifest;
use crate::results::{ResultSet, ResultsManifest};
use crate::status::PlanStatus;
use crate::store::Store;
use crate::stored_plan::StoredPlan;
use crate::{ObjectUri, ScaleError, keys};

/// What a finished plan made.
#[derive(Debug)]
pub enum Collected {
    /// Features of a split.
    Features(FeatureSet),
    /// Results of commands.
    Results(ResultSet),
}

/// Makes the manifest of a plan whose shards are all done; one that is there counts. Returns what it names, and whether it is new.
///
/// # Errors
/// [`ScaleError::Incomplete`] names the shards that are missing; [`ScaleError`] of the store.
pub fn collect(uri: &ObjectUri) -> Result<(Collected, bool), ScaleError> {
    let store = Store::open(&uri.store)?;
    match StoredPlan::read(&store, &uri.plan_id)? {
        StoredPlan::Features(plan) => {
            let (manifest, is_new) = match Manifest::read(&store, &uri.plan_id)? {
                Some(manifest) => (manifest, false),
                None => Manifest::of(&plan, uri, &Commit::read_all(&store, &uri.plan_id)?)?.create(&store)?,
            };
            Ok((Collected::Features(FeatureSet::of(store, manifest)), is_new))
        }
        StoredPlan::Commands(plan) => {
            let (manifest, is_new) = match ResultsManifest::read(&store, &uri.plan_id)? {
                Some(manifest) => (manifest, false),
                None => ResultsManifest::of(&plan, uri, &Commit::read_all(&store, &uri.plan_id)?)?.create(&store)?,
            };
            Ok((Collected::Results(ResultSet::of(store, manifest)), is_new))
        }
    }
}

/// Reads a plan and its commits, and sums them up.
///
/// # Errors
/// [`ScaleError`].
pub fn plan_status(uri: &ObjectUri) -> Result<PlanStatus, ScaleError> {
    let store = Store::open(&uri.store)?;
    let plan = StoredPlan::read(&store, &uri.plan_id)?;
    let commits = Commit::read_all(&store, &uri.plan_id)?;
    let collected = store.head(&keys::manifest(&uri.plan_id))?.is_some();
    Ok(PlanStatus::of(&plan, &uri.plan_id, &commits, collected))
}
