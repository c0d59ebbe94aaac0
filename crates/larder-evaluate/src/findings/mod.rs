//! The facts about a run's numbers and rows, gathered for the rules of `larder-diagnose`.

mod rows;
mod shift;
mod splits;
mod texts;
mod training;

pub(crate) use splits::{SplitFiles, split_findings};
pub use training::{TuneFacts, fit_diagnosis, tuning_diagnosis};
