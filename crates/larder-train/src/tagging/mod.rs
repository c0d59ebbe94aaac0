//! Tagging heads: one class a word, entities out.
//!
//! [`WordSource`] gives the features of words sentence by sentence; [`train_tagger`] makes a [`TaggingHead`] of them
//! under [`TaggingSettings`]. How and why: `docs/tagging.md`.

mod adam;
mod chain;
mod confidence;
#[cfg(test)]
mod enumeration;
mod fit;
mod head;
mod head_file;
mod kind;
mod objective;
mod outside_bias;
mod parameters;
pub(crate) mod product;
mod progress;
mod rules;
mod scaled;
mod scores;
mod select;
mod selection;
mod settings;
mod source;
mod stream;
mod train;
mod viterbi;

pub use fit::{TAGGER_TOLERANCE, TAGGING_SELECTION_TOLERANCE};
pub use head::{TaggedEntity, TaggedSentence, TaggingHead};
pub use kind::TaggerKind;
pub use progress::TaggingProgress;
pub use scores::TaggingScores;
pub use selection::{TaggingSelection, TaggingSelectionEntry};
pub use settings::{
    ColumnUse, DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, DEFAULT_MEMORY_BYTES, DEFAULT_TAGGING_FOLDS,
    DEFAULT_TAGGING_GRID, TaggerSolver, TaggingSettings, UNCHOSEN_TAGGING_C,
};
pub use source::{WordSource, WordsInMemory};
pub use train::{TrainedTagger, train_tagger};
