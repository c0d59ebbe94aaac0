//! The two lists of examples of a run.

use std::fmt;

/// One of the two lists of examples of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitOf {
    /// Those that are trained on.
    Train,
    /// Those that are judged by.
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
