//! The kinds of tagging head.

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

larder_files::spelled!(TaggerKind, name, {
    Logistic = "logistic", Crf = "crf",
}, TrainError, |found, known| TrainError::UnknownChoice { what: "tagging head", found, known });
