//! Heads: trained, chosen, kept and read again.

mod common;
#[cfg(feature = "perceptron")]
mod error_texts;
mod goldens;
mod head;
mod mlp;
mod multilabel;
#[cfg(feature = "perceptron")]
mod perceptron;
#[cfg(feature = "perceptron")]
mod perceptron_targets;
mod ridge;
mod similarity;
mod tagging;
mod training;
