//! Encoding a split on many machines: making the plan, and working its shards.

mod encoder;
mod plan;
mod work;

pub use plan::{PlanOutcome, PlanRequest, make_plan};
pub use work::{ShardChoice, ShardOutcome, ShardResult, WorkRequest, work};
