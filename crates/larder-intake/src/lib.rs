//! Intake: from what somebody published to an encoder that the other stages can trust.
//!
//! - [`add`] takes in an ONNX file or published weights, [`init`] makes an encoder with random weights, [`verify`]
//!   checks one again. Each runs the model on a few texts on the CPU, because names and shapes do not tell whether an
//!   encoder obeys its mask, mixes the texts of a batch, or answers the same to everything.
//! - [`Encoder`] is one that is there: its folder (`model.onnx`, `tokenizer.json`, `encoder.json`), its model,
//!   tokenizer and interface. [`Encoder::list`] gives all of them.
//! - [`EncoderManifest`] is `encoder.json`: what is known, what was measured ([`ProbeRecord`]), where it comes from.
//! - [`EncoderError`] is everything that can go wrong, with the way out.
//!
//! ```no_run
//! use larder_intake::{AddRequest, Encoder, add};
//! use larder_runtime::Runtime;
//! use larder_files::Home;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let home = Home::new("artifacts");
//! let runtime = Runtime::load(None)?;
//! let request = AddRequest { source: "all-MiniLM-L6-v2".into(), ..AddRequest::default() };
//! let added = add(&home, &runtime, &request, &mut |doing| eprintln!("{doing}"))?;
//! assert_eq!(added.encoder.name(), "all-MiniLM-L6-v2");
//!
//! let encoder = Encoder::open(&home, "all-MiniLM-L6-v2")?;
//! assert_eq!((encoder.manifest().hidden_size, encoder.max_tokens()), (384, 512));
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

mod add;
mod compared;
mod declared;
mod encoder;
mod error;
mod files;
mod init;
mod install;
mod intake;
mod manifest;
mod name;
mod observe;
mod pooling;
mod prepared;
mod probe;
mod publisher;
mod quantise;
mod rebuild;
mod recipe;
mod remote;
mod session_model;
mod sizes;
mod source;
mod verify;
mod vocabulary;
mod wordpiece;

pub use add::{AddRequest, add, add_with};
pub use compared::COMPARISONS_FILE;
pub use encoder::{CONFIG_FILE, Encoder, Listed, MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE};
pub use error::{BrokenManifest, EncoderError, hint_of_model};
pub use init::{InitRequest, init};
pub use intake::{AddedEncoder, Outcome};
pub use manifest::{
    EncoderManifest, FORMAT_VERSION, HubRecord, InputRecord, InputRole, LengthOrigin, OutputRecord, OutputRole,
    SourceFile, SourceKind, SourceRecord, Versions,
};
pub use observe::observe;
pub use pooling::Pooling;
pub use prepared::{Prepared, RebuiltRecord};
pub use probe::{
    BFLOAT16_TOLERANCE, HALF_TOLERANCE, INT8_TOLERANCE, LONGEST_PROBE, POOLED_TOLERANCE, PROBE_TEXTS, PooledKind,
    PooledRecord, ProbeRecord, SMALLEST_SPREAD, TOLERANCE,
};
pub use publisher::Unfollowed;
pub use quantise::{QuantiseRequest, quantise};
pub use rebuild::{ComparedRunning, Running};
pub use recipe::{PublisherRecord, RECIPE_WEIGHTS_FILE, Recipe};
pub use session_model::SessionModel;
pub use verify::{Verification, verify};
pub use vocabulary::BrokenVocabulary;
pub use wordpiece::SMALLEST_VOCABULARY;
