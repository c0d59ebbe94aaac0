//! The facts about a run's numbers and rows, gathered for the rules of `larder-diagnose`.

mod pairs;
mod rows;
mod shift;
mod split_files;
mod splits;
mod texts;
mod training;

pub(crate) use split_files::SplitFiles;
pub(crate) use splits::split_findings;
pub use training::{TuneFacts, fit_diagnosis, tuning_diagnosis};
