//! Runs and scores by their names in a comparison.

use larder_run::{Evaluation, RunRecord, SplitAnswers};

/// A run to compare.
#[derive(Clone, Copy)]
pub struct NamedRun<'a> {
    /// Its name in the comparison: the run's, or the encoder's.
    pub name: &'a str,
    /// The run.
    pub record: &'a RunRecord,
    /// Its scores.
    pub evaluation: &'a Evaluation,
    /// Its answers to the same splits.
    pub answers: &'a [SplitAnswers],
}

/// Returns a score's display name: `MCC`, `macro F1`, `strict F1`.
pub(crate) fn display_name(score: &str) -> String {
    let word = |word: &str| match word {
        "mcc" => "MCC".to_owned(),
        "f1" => "F1".to_owned(),
        word => word.to_owned(),
    };
    score.split('_').map(word).collect::<Vec<_>>().join(" ")
}
