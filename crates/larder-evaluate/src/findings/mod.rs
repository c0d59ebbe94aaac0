//! The facts about a run's numbers and rows, gathered for the rules of `larder-diagnose`.

mod rows;
mod shift;
mod splits;
mod texts;
mod training;

pub(crate) use splits::{SplitFiles, of_splits};
pub use training::{TuneFacts, of_fit, of_tuning};
