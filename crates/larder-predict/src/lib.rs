//! Answers to new rows: loose texts, streams, and whole files that are written again with the answers.
//!
//! - [`Input`] reads rows from a file, standard input or arguments ([`InputOrigin`]), like the run's own files unless
//!   [`InputFlags`] say otherwise.
//! - [`predict_file`] answers every row of a file in constant memory, and resumes after a killed process.
//! - [`PredictError`] is every error of a prediction, [`InputError`] every problem of a file.
//!
//! [`larder_run::Predictor`] computes the answers.
#![deny(missing_docs)]

mod error;
mod file;
mod input;
mod layout;

pub use error::{InputError, PredictError};
pub use file::{FileOptions, FileOutcome, predict_file};
pub use input::{AskedRow, Input, InputOrigin, content_of_line};
pub use layout::InputFlags;
