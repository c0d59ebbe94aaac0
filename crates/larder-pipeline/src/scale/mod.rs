//! Encoding a split on many machines: making the plan, working its shards, and using what they made.

mod encoder;
mod features;
mod plan;
mod work;

pub use features::{NamedFeatures, use_features};
pub use plan::{PlanOutcome, PlanRequest, make_plan};
pub use work::{ShardChoice, ShardOutcome, ShardResult, WorkRequest, work};
