//! How far a plan is, from its commits alone.

use serde::Serialize;

use crate::commit::{Commit, missing_shards};
use crate::indexes::index_ranges;
use crate::stored_plan::StoredPlan;

/// The slowest shards that are named.
const SLOWEST: usize = 3;

/// The state of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanStatus {
    /// The plan's name.
    pub plan: String,
    /// Its shards.
    pub shards: usize,
    /// Shards that have a commit.
    pub done: usize,
    /// The others, in the form of an array of jobs.
    pub missing: String,
    /// True if the manifest is there.
    pub collected: bool,
    /// Rows of the split in finished shards.
    pub rows_done: u64,
    /// Rows of the split; 0 for a plan of commands.
    pub rows: u64,
    /// The share of the forecast cost that is done, from 0 to 1: of tokens, or of commands.
    pub share: f64,
    /// Rows a second over all workers, from the first one's start to the last commit; `None` before the first.
    pub rows_per_second: Option<f64>,
    /// Rows a second of one worker, all commits taken together; `None` before the first.
    pub rows_per_worker_second: Option<f64>,
    /// Seconds until the end if work goes on as it did from the first start to the last commit; `None` before the first.
    pub seconds_left: Option<f64>,
    /// The shards that took longest for their forecast.
    pub slowest: Vec<SlowShard>,
    /// Rows that were left out.
    pub skipped: u64,
}

/// A shard that took long.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlowShard {
    /// The shard.
    pub shard: usize,
    /// Its worker's seconds.
    pub seconds: f64,
    /// Its seconds against those of a mean shard with its forecast.
    pub slowness: f64,
    /// The device that ran.
    pub device: String,
}

impl PlanStatus {
    /// Sums up the commits of a plan.
    pub fn of(plan: &StoredPlan, plan_id: &str, commits: &[Commit], collected: bool) -> Self {
        let shards = plan.shards();
        let commits: Vec<&Commit> = commits.iter().filter(|commit| commit.shard < shards).collect();
        let done: Vec<usize> = commits.iter().map(|commit| commit.shard).collect();
        let add = |sum: u64, next: u64| sum.saturating_add(next);
        let rows_done = commits.iter().map(|commit| plan.rows(commit.shard)).fold(0, add);
        let tokens_done = commits.iter().map(|commit| plan.cost(commit.shard)).fold(0, add);
        let tokens = (0..shards).map(|shard| plan.cost(shard)).fold(0, add);
        let worker_seconds: f64 = commits.iter().map(|commit| commit.seconds).sum();
        let started = commits.iter().map(|commit| commit.started).fold(f64::INFINITY, f64::min);
        let finished = commits.iter().map(|commit| commit.finished).fold(f64::NEG_INFINITY, f64::max);
        let span = (finished - started).max(1e-3);
        let any = !commits.is_empty();
        let mean = worker_seconds / tokens_done.max(1) as f64;
        let mut slowest: Vec<SlowShard> = commits
            .iter()
            .map(|commit| SlowShard {
                shard: commit.shard,
                seconds: commit.seconds,
                slowness: commit.seconds / (mean * plan.cost(commit.shard).max(1) as f64).max(1e-9),
                device: commit.device.clone(),
            })
            .collect();
        slowest.sort_by(|a, b| b.slowness.total_cmp(&a.slowness).then(a.shard.cmp(&b.shard)));
        slowest.truncate(SLOWEST);
        Self {
            plan: plan_id.to_owned(),
            shards,
            done: commits.len(),
            missing: index_ranges(&missing_shards(&done, shards)),
            collected,
            rows_done,
            rows: (0..shards).map(|shard| plan.rows(shard)).fold(0, add),
            share: if tokens == 0 { 1.0 } else { tokens_done as f64 / tokens as f64 },
            rows_per_second: any.then_some(rows_done as f64 / span),
            rows_per_worker_second: any.then_some(rows_done as f64 / worker_seconds.max(1e-3)),
            seconds_left: any.then_some((tokens - tokens_done) as f64 * span / tokens_done.max(1) as f64),
            slowest,
            skipped: commits.iter().map(|commit| commit.skipped).sum(),
        }
    }
}
