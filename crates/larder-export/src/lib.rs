//! A run as one ONNX file with its tokenizer, configuration and model card.
//!
//! - [`export_model`] puts an encoder, its pooling and a trained head ([`ExportHead`]) into one graph: token ids and mask in,
//!   logits, probabilities and the answer out. [`Precision`] says how the encoder's numbers are kept, [`Batching`] which
//!   texts may share a batch.
//! - [`TokenizerFiles`] and [`config_json`] are the files that transformers' loaders want; [`Card`] is the `README.md`, whose
//!   Python is what the tests run.
//! - [`ExportFolder`] has the folder appear whole or not at all. [`ExportedSession`] runs the written file, so that its answers
//!   can be laid beside the run's: [`CheckReport`], which [`ExportRecord`] (`export.json`) keeps.
//! - [`ExportError`] is everything that can go wrong.
//!
//! The words of a tagger are not made inside the graph: which tokens make a word differs from row to row. A linear head gives
//! the same whether vectors are pooled before it or scores behind it, so the file gives scores a token, and says in
//! `config.json` how words are read from them.
//!
//! ```
//! use larder_export::{ExportHead, Precision};
//! use larder_train::{Classifier, LogisticHead};
//!
//! let classes = ["no".to_owned(), "yes".to_owned()];
//! let head: LogisticHead = Classifier { column: "pooler", weights: &[-1.0, 1.0], bias: &[0.0, 0.0] }.into_head(&classes);
//! assert_eq!(ExportHead::Logistic(&head).outputs(), ["logits", "probabilities", "prediction"]);
//! assert_eq!("int8".parse(), Ok(Precision::Int8));
//! ```
#![deny(missing_docs)]

mod card;
mod check;
mod config;
mod error;
mod folder;
mod head;
mod inputs;
mod model;
mod precision;
mod session;
mod tokenizer;

pub use card::{Card, CardFinding, CardMetrics, CardSequenceSplit, CardTaggingSplit};
pub use check::{ALLOWED_DIFFERENCE, CheckReport, Cost, EXPORT_FILE, ExportRecord, ExportedFile, Score};
pub use config::{ConfigFacts, config_json};
pub use error::ExportError;
pub use folder::ExportFolder;
pub use head::{ExportHead, NEVER};
pub use model::{Batching, ExportedModel, export_model};
pub use precision::Precision;
pub use session::{ExportedSession, Row};
pub use tokenizer::{Reads, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, TokenizerFiles};
