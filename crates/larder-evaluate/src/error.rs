//! Errors of evaluation.

use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_metrics::MetricsError;
use larder_run::{RunError, from_stage_errors};
use larder_store::StoreError;

/// An error of evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The run, or a stage that it needs.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Runs that were not evaluated on the same rows.
    #[error("runs `{first}` and `{second}` cannot be compared: {why}; only answers to the same rows can be")]
    NotComparable {
        /// A run or encoder.
        first: String,
        /// The other.
        second: String,
        /// The difference.
        why: String,
    },
}

from_stage_errors!(EvaluateError: FileError, MetricsError, StoreError);

impl EvaluateError {
    /// Returns the class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Run(error) => error.class(),
            Self::NotComparable { .. } => ErrorClass::Input,
        }
    }

    /// Returns a hint, where the message alone does not show the way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::NotComparable { .. } => None,
        }
    }
}
