//! Evaluation of runs: scores, comparisons and findings.
//!
//! - [`evaluate_features`] scores a run on features files and writes the results into the run's folder.
//! - [`compare`] compares several runs on the same rows; a [`Difference`] says whether one is really better.
//! - [`score_file`] scores any CoNLL file like larder's own runs.
//! - [`of_fit`] and [`of_tuning`] return the findings about a training.
//! - [`EvaluateError`] is every error of evaluation.
#![deny(missing_docs)]

mod comparison;
mod difference;
mod error;
mod evaluate;
mod findings;
mod score;

pub use comparison::{ComparedSubject, SplitComparison, SubjectScore, common_metric, compare};
pub use difference::Difference;
pub use error::EvaluateError;
pub use evaluate::{EvaluateOutcome, evaluate_features};
pub use findings::{TuneFacts, of_fit, of_tuning};
pub use score::{FileScores, ScoreOptions, score_file};
