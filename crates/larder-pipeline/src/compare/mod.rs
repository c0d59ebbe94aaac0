//! Which of several is better: encoders that go through all stages here, or runs that are there.

mod encoders;
mod meter;
mod runs;

pub use encoders::{ComparedEncoder, Contender, EncoderComparison, RefusedEncoder, compare_encoders};
pub use meter::Encoding;
pub use runs::{ComparedRun, RunComparison, compare_runs};
