//! A run's answers to new rows: loose texts, streams, and whole files that are written again with the answers.
//!
//! - [`Input`] reads what a run is to answer, as its own files were read unless [`InputFlags`] say otherwise: a file, standard
//!   input or arguments ([`InputOrigin`]), row by row ([`AskedRow`]).
//! - [`predict_file`] answers every row of a file in constant memory, and goes on where a killed process left off.
//! - [`PredictError`] is everything that can go wrong, [`InputError`] what can be wrong with a file.
//!
//! The answers themselves are those of [`larder_run::Predictor`].
#![deny(missing_docs)]

mod error;
mod file;
mod input;
mod layout;

pub use error::{InputError, PredictError};
pub use file::{FileOptions, FileOutcome, predict_file};
pub use input::{AskedRow, Input, InputOrigin, content_of_line};
pub use layout::InputFlags;
