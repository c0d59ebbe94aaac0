//! Errors of making a report.

use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_predict::PredictError;
use larder_run::{RunError, from_stage_errors};

/// An error of a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A run that cannot be read, or a disk error.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Rows that cannot be read.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// A chart that cannot be drawn, which is a bug in larder.
    #[error("the chart `{chart}` cannot be drawn")]
    Chart {
        /// The chart's title.
        chart: String,
        /// The error of the drawing library.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

from_stage_errors!(ReportError: FileError);

impl ReportError {
    /// Returns the class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Run(error) => error.class(),
            Self::Predict(error) => error.class(),
            Self::Chart { .. } => ErrorClass::Bug,
        }
    }

    /// Returns a hint, where the message alone does not show the way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::Predict(error) => error.hint(),
            Self::Chart { .. } => None,
        }
    }
}
