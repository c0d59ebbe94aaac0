//! Comparison of encoders, through all stages, or of existing runs.

mod bfloat16;
mod encoders;
mod meter;
mod runs;

pub use bfloat16::Bfloat16;
pub use encoders::{ComparedEncoder, Contender, EncoderComparison, RefusedEncoder, compare_encoders};
pub use meter::EncodingCost;
pub use runs::{ComparedRun, RunComparison, compare_runs};
