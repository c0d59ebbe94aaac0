//! Why there is no page.

use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_run::{RunError, from_stage_errors};

/// A page cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A run whose record cannot be read, or the disk.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A chart that cannot be drawn: a bug in larder.
    #[error("the chart `{chart}` cannot be drawn")]
    Chart {
        /// Its title.
        chart: String,
        /// What the drawing library says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

from_stage_errors!(ReportError: FileError);

impl ReportError {
    /// The class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Run(error) => error.class(),
            Self::Chart { .. } => ErrorClass::Bug,
        }
    }

    /// The way out where the message alone does not show it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::Chart { .. } => None,
        }
    }
}
