//! Plans, shards and stores.

use larder_errors::{bytes, count, seconds};
use larder_pipeline::{PlanOutcome, ShardOutcome, ShardResult};
use larder_scale::{Garbage, Manifest, PlanStatus};

/// Says what a plan holds.
pub fn plan(outcome: &PlanOutcome) -> String {
    let plan = &outcome.plan;
    let dearest = plan.shards.first().map_or(0, |shard| shard.tokens);
    let cheapest = plan.shards.last().map_or(0, |shard| shard.tokens);
    let found = if outcome.is_new { "" } else { "; it was there" };
    format!(
        "plan     {} {}: {} rows, about {} tokens, {} shards of {} to {} tokens{found}",
        plan.dataset.name,
        plan.dataset.split,
        count(plan.rows()),
        count(plan.forecast_tokens()),
        count(plan.shards.len() as u64),
        count(cheapest),
        count(dearest),
    )
}

/// Says what became of a shard.
pub fn shard(outcome: &ShardOutcome) -> String {
    let shard = outcome.shard;
    match &outcome.result {
        ShardResult::AlreadyDone => format!("shard {shard}: already done"),
        ShardResult::Committed { commit } => format!(
            "shard {shard}: committed {}, {} rows, {} in {} on {}",
            commit.key,
            count(commit.rows),
            bytes(commit.bytes),
            seconds(commit.seconds),
            commit.device
        ),
        ShardResult::Lost { digest, commit } if *digest == commit.digest => {
            format!("shard {shard}: another worker's commit came first, with the same part {}", commit.key)
        }
        ShardResult::Lost { digest, commit } => format!(
            "shard {shard}: another worker's commit came first, and its part {} ({}, version {}) differs from this one's, {digest}: \
             both are right within rounding, and the first counts",
            commit.key, commit.device, commit.larder
        ),
    }
}

/// Says what a manifest holds.
pub fn manifest(manifest: &Manifest, is_new: bool) -> String {
    let found = if is_new { "" } else { "; it was collected before" };
    format!(
        "collect  {} {}: {} rows in {} parts, {}{found}",
        manifest.dataset,
        manifest.split,
        count(manifest.rows),
        count(manifest.parts.len() as u64),
        bytes(manifest.bytes),
    )
}

/// Says how far a plan is.
pub fn plan_status(status: &PlanStatus) -> String {
    let mut lines = vec![format!(
        "{} of {} shards done, {} of {} rows, {:.1} % of the forecast tokens",
        count(status.done as u64),
        count(status.shards as u64),
        count(status.rows_done),
        count(status.rows),
        100.0 * status.share
    )];
    if !status.missing.is_empty() {
        lines.push(format!("missing: {}", status.missing));
    }
    if let (Some(all), Some(one)) = (status.rows_per_second, status.rows_per_worker_second) {
        lines.push(format!("{all:.0} rows/s over all workers, {one:.0} rows/s of one"));
    }
    if let Some(left) = status.seconds_left.filter(|_| !status.missing.is_empty()) {
        lines.push(format!("about {} left, if it goes on so", seconds(left)));
    }
    for slow in &status.slowest {
        lines.push(format!(
            "shard {}: {} on {}, {:.1} times a mean shard of its size",
            slow.shard,
            seconds(slow.seconds),
            slow.device,
            slow.slowness
        ));
    }
    if status.skipped > 0 {
        lines.push(format!("{} rows were left out", count(status.skipped)));
    }
    lines.push(match (status.missing.is_empty(), status.collected) {
        (_, true) => "collected".to_owned(),
        (true, false) => "all shards are done: `larder collect` makes the features exist".to_owned(),
        (false, false) => "not collected".to_owned(),
    });
    lines.join("\n")
}

/// Says what was, or would be, removed.
pub fn garbage(garbage: &Garbage, dry_run: bool) -> String {
    let mut lines: Vec<String> = garbage.keys.clone();
    let verb = if dry_run { "would be removed" } else { "removed" };
    let young = match garbage.young {
        0 => String::new(),
        young => format!("; {} that nothing names are younger and stay", count(young as u64)),
    };
    let (objects, size) = (count(garbage.keys.len() as u64), bytes(garbage.bytes));
    lines.push(format!("{objects} objects, {size}, {verb}{young}"));
    lines.join("\n")
}
