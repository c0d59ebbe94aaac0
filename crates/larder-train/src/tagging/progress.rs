//! The progress of a tagging head's training.

use super::selection::TaggingSelectionEntry;

/// A step that the training of a tagging head has reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TaggingProgress<'a> {
    /// Features are read, once from beginning to end.
    Reading {
        /// Words read so far.
        words: usize,
        /// Words in all.
        of: usize,
    },
    /// One line of the selection table is ready.
    Scored {
        /// The zero-based number of the candidate; the last one may be the winner again, with other class weights.
        candidate: usize,
        /// The total number.
        candidates: usize,
        /// The line.
        entry: &'a TaggingSelectionEntry,
    },
    /// The chosen head is being fitted on all sentences.
    Fitting {
        /// The candidate's name.
        candidate: &'a str,
        /// The strength.
        c: f64,
    },
    /// Adam has read all features once more.
    Epoch {
        /// The zero-based epoch.
        epoch: usize,
        /// The total number.
        epochs: usize,
        /// The objective, each batch judged at the point it was met with.
        objective: f64,
    },
}
