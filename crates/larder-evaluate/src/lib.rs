//! Judging: what a run scores, whether another scores more, and what stands out.
//!
//! - [`evaluate_features`] scores a run on features files and keeps what it finds in the run's folder.
//! - [`compare`] judges several runs on the same rows; a [`Difference`] says whether one is really better.
//! - [`score_file`] scores anybody's CoNLL file as larder's own runs are.
//! - [`of_fit`] and [`of_tuning`] say what stands out about a training.
//! - [`EvaluateError`] is everything that can go wrong.
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
