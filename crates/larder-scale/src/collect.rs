//! Ending a plan, and asking how far it is.

use crate::commit::Commit;
use crate::feature_set::FeatureSet;
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::status::PlanStatus;
use crate::store::Store;
use crate::{ObjectUri, ScaleError, keys};

/// Makes the manifest of a plan whose shards are all done; one that is there counts. Returns the feature set, and whether it is new.
///
/// # Errors
/// [`ScaleError::Incomplete`] names the shards that are missing; [`ScaleError`] of the store.
pub fn collect(uri: &ObjectUri) -> Result<(FeatureSet, bool), ScaleError> {
    let store = Store::open(&uri.store)?;
    if let Some(manifest) = Manifest::read(&store, &uri.plan_id)? {
        return Ok((FeatureSet::of(store, manifest), false));
    }
    let plan = Plan::read(&store, &uri.plan_id)?;
    let commits = Commit::read_all(&store, &uri.plan_id)?;
    let (manifest, is_new) = Manifest::of(&plan, uri, &commits)?.create(&store)?;
    Ok((FeatureSet::of(store, manifest), is_new))
}

/// Reads a plan and its commits, and sums them up.
///
/// # Errors
/// [`ScaleError`].
pub fn plan_status(uri: &ObjectUri) -> Result<PlanStatus, ScaleError> {
    let store = Store::open(&uri.store)?;
    let plan = Plan::read(&store, &uri.plan_id)?;
    let commits = Commit::read_all(&store, &uri.plan_id)?;
    let collected = store.head(&keys::manifest(&uri.plan_id))?.is_some();
    Ok(PlanStatus::of(&plan, &uri.plan_id, &commits, collected))
}
