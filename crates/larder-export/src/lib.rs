//! Export of a run as one ONNX file with tokenizer, configuration and model card.
//!
//! - [`export_run`] joins encoder, pooling and trained head in one graph (from token ids and mask to logits, probabilities and
//!   the answer), and adds the files of transformers' loaders and a `README.md` whose Python code is tested. [`Precision`] is
//!   that of the encoder, [`Batching`] says which texts may share a batch.
//! - The folder appears complete or not at all, and only if the written file answers as the run does: [`CheckReport`], recorded
//!   in [`ExportRecord`] (`export.json`).
//! - [`ExportError`] is every error of an export.
//!
//! The graph of a tagger does not pool words, since the tokens of a word differ between rows. A linear head commutes with
//! pooling, so the file gives scores of tokens, and `config.json` says how to pool them into words.
//!
//! ```
//! use larder_export::Precision;
//!
//! assert_eq!("int8".parse(), Ok(Precision::Int8));
//! ```
#![deny(missing_docs)]

mod batches;
mod card;
mod check;
mod config;
mod error;
mod folder;
mod inputs;
mod model;
mod pairs;
mod precision;
mod run;
mod session;
mod tokenizer;

pub use check::{ALLOWED_DIFFERENCE, CheckReport, Cost, EXPORT_FILE, ExportRecord, ExportedFile, Score};
pub use error::ExportError;
pub use model::Batching;
pub use precision::Precision;
pub use run::{ExportOptions, ExportOutcome, export_run};
