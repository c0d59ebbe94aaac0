//! The two lists of examples of a run.

use std::fmt;

/// One of the two lists of examples of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitOf {
    /// The training examples.
    Train,
    /// The evaluation examples.
    Dev,
}

impl fmt::Display for SplitOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Train => "train",
            Self::Dev => "dev",
        })
    }
}
