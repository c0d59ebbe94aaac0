//! The kinds of tagging head.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// The kind of a tagging head. Both are decoded alike, by Viterbi over legal sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaggerKind {
    /// Multinomial logistic regression: each word is judged by its own features.
    Logistic,
    /// A linear-chain conditional random field (Lafferty, McCallum and Pereira 2001): whole sequences are judged, by the
    /// words' features and by which class follows which.
    Crf,
}

impl TaggerKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Logistic, Self::Crf];

    /// The one spelling: flag, file, report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logistic => "logistic",
            Self::Crf => "crf",
        }
    }
}

impl fmt::Display for TaggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TaggerKind {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or_else(|| TrainError::UnknownChoice {
            what: "tagging head",
            found: text.to_owned(),
            known: Self::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        })
    }
}
