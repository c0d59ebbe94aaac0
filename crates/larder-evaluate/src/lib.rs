//! Evaluation of runs: scores, comparisons and findings.
//!
//! - [`evaluate_features`] scores a run on features files and writes the results into the run's folder.
//! - [`compare`] compares several runs on the same rows; a [`Difference`] says whether one is really better.
//! - [`fit_diagnosis`] and [`tuning_diagnosis`] return the findings about a training.
//! - [`EvaluateError`] is every error of evaluation.
#![deny(missing_docs)]

mod comparison;
mod difference;
mod error;
mod evaluate;
mod findings;
mod named_run;

pub use comparison::{RunScore, SplitComparison, common_metric, compare};
pub use difference::Difference;
pub use error::EvaluateError;
pub use evaluate::{EvaluateOutcome, evaluate_features};
pub use findings::{TuneFacts, fit_diagnosis, tuning_diagnosis};
pub use named_run::NamedRun;
