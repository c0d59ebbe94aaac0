//! A run as one ONNX file with its tokenizer, configuration and model card.
//!
//! - [`export_run`] puts encoder, pooling and trained head into one graph (token ids and mask in, logits, probabilities and the
//!   answer out), writes beside it the files that transformers' loaders want, and a `README.md` whose Python is what the
//!   tests run. [`Precision`] says how the encoder's numbers are kept, [`Batching`] which texts may share a batch.
//! - The folder appears whole or not at all, and only if the written file answers as the run does: [`CheckReport`], which
//!   [`ExportRecord`] (`export.json`) keeps.
//! - [`ExportError`] is everything that can go wrong.
//!
//! The words of a tagger are not made inside the graph: which tokens make a word differs from row to row. A linear head gives
//! the same whether vectors are pooled before it or scores behind it, so the file gives scores a token, and says in
//! `config.json` how words are read from them.
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
mod precision;
mod run;
mod session;
mod tokenizer;

pub use check::{ALLOWED_DIFFERENCE, CheckReport, Cost, EXPORT_FILE, ExportRecord, ExportedFile, Score};
pub use error::ExportError;
pub use model::Batching;
pub use precision::Precision;
pub use run::{ExportOptions, ExportOutcome, export_run};
