//! What the end-to-end tests share: they drive the *built* binary from raw text to report, as a user would.
//!
//! - [`Kitchen`] is one test's own folder with its own `--home`; its methods run `larder` there.
//! - [`Answer`] is what one invocation said; every check on it prints the whole invocation when it fails.
//! - [`Encoded`] is what the encode stage told about one split.
//! - [`predictions`] and [`predicted_words`] read what a run answered, [`ConllColumns`] what it wrote for other scorers,
//!   [`History`] the steps of a run that was fine-tuned.
//! - [`FakeHub`] plays a hub of models, with the faults that a network has.
//! - [`toy`], [`tagged_toy`], [`Random`] and [`sentences`] make data; [`real`] finds the data and the encoder that are
//!   not in the repository, and skips loudly without them.
//!
//! ```
//! use larder_tests::Random;
//!
//! let mut random = Random::new(7);
//! assert_eq!(Random::new(7).below(10), random.below(10));
//! ```
#![deny(missing_docs)]

mod answer;
mod binary;
mod data;
mod encoded;
mod history;
mod hub;
mod json;
mod kitchen;
mod predictions;
pub mod real;
mod tagging;
mod vectors;

pub use answer::Answer;
pub use binary::{binary, repository};
pub use data::{Random, sentences, toy};
pub use encoded::Encoded;
pub use history::History;
pub use hub::{Access, Asked, FakeHub};
pub use json::number;
pub use kitchen::{Kitchen, run};
pub use predictions::{Predicted, predictions};
pub use tagging::{
    ConllColumns, PredictedWord, Tagged, conll, predicted_words, tagged_sentences, tagged_toy, tagged_words,
};
pub use vectors::{assert_close, largest_difference};
