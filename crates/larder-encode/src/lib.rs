//! The encode stage: tokens in, features out, every text through the encoder once.
//!
//! - [`Engine`] holds the encoder's sessions with pooling inside the graph and turns token ids into vectors. Encoding a
//!   corpus and predicting one sentence go through the same engine.
//! - [`encode`] reads a `tokens` file and writes a `features` file: read, run and write overlap, memory is constant, equal
//!   inputs run once, rows of the file being replaced are reused, and a killed encode goes on where it was.
//! - [`EncodeSettings`] say what a row is: a text, a word (whose sentence is read in windows where it is long) or a token.
//!   [`embed_words`] makes vectors of words in memory, the same as the stage's, [`embed_texts`] those of texts.
//! - A text of more tokens than the encoder reads is read in windows where its tokens file says so, whose vectors are pooled.
//! - [`plan`] cuts rows into batches by tokens.
//! - [`forecast`] says what an encode would do and how long it would take; [`Throughput`] is an engine's speed here.
//!
//! ```
//! // Twelve sentences of CoLA's lengths in batches of at most 64 tokens: hardly any padding.
//! let lengths = [9, 12, 7, 9, 30, 9, 11, 12, 9, 8, 12, 9];
//! let batches = larder_encode::plan(&lengths, 64, larder_encode::Demands::default());
//! let padded: usize = batches.iter().map(|batch| batch.padded_tokens()).sum();
//! assert!(padded < 150 && lengths.iter().sum::<usize>() == 137);
//! ```
#![deny(missing_docs)]

mod chunk;
mod engine;
mod error;
mod forecast;
mod graph;
mod input;
mod journal;
mod long_text_graph;
mod over_windows;
mod pair;
mod plan;
mod report;
mod reuse;
mod row_origins;
mod sentence_stream;
mod settings;
mod stage;
mod texts;
mod throughput;
mod unit;
mod words;
mod workers;

pub use engine::{DEFAULT_MAX_WORKERS, Engine, EngineSettings};
pub use error::EncodeError;
pub use forecast::{Forecast, forecast};
pub use graph::GraphChoice;
pub use input::EncoderInput;
pub use pair::combine_pair;
pub use plan::{Batch, DEFAULT_CPU_BATCH_TOKENS, DEFAULT_CUDA_BATCH_TOKENS, Demands, PLAN_VERSION, plan};
pub use report::{EncodeReport, Progress};
pub use settings::{Context, EncodePlan, EncodeSettings, FORMAT_VERSION, LayerSelection};
pub use stage::{EncodeRequest, encode, encode_with, plan_encode};
pub use texts::{TextInput, embed_texts};
pub use throughput::Throughput;
pub use words::{WordsInput, embed_words};

pub use larder_onnx::WordPool;
pub use larder_store::Level;
pub use larder_tokens::{LongTexts, TextWindows};
