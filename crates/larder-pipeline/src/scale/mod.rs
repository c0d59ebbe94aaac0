//! Encoding a split, or running commands, on many machines: making the plan, working its shards, and using what they made.

mod clock;
mod commands;
mod encoder;
mod features;
mod plan;
mod work;

pub use commands::{CommandsOutcome, CommandsRequest, NamedCommand, ReadyCommand, plan_commands};
pub use features::{NamedFeatures, use_features};
pub use plan::{PlanOutcome, PlanRequest, make_plan};
pub use work::{ShardChoice, ShardError, ShardOutcome, ShardResult, WorkRequest, work};
