//! The stages joined: each brings its inputs up to date, does its work unless that is done already, and tells an
//! [`Observer`] what it does.
//!
//! - [`Larder`] is where artifacts lie and which ONNX Runtime is used.
//! - [`tokenize_split`], [`encode_split`], [`train`], [`evaluate`] are the stages on one dataset and encoder; [`run`] is all
//!   of them.
//! - [`RunRecord`] is `run.json`: everything a run was made with, and what [`Predictor`] needs to answer later.
//! - [`PipelineError`] wraps the stages' errors and knows the process's [`ExitCode`].
//!
//! ```
//! use larder_pipeline::{ExitCode, Larder, PipelineError, RunRecord};
//!
//! let larder = Larder::new("no/such/folder", None);
//! let error = RunRecord::open(&larder, "first").unwrap_err();
//! assert_eq!(error.exit_code(), ExitCode::MissingPrerequisite);
//! ```
#![deny(missing_docs)]

mod encode;
mod error;
mod evaluate;
mod larder;
mod observer;
mod predict;
mod record;
mod run;
mod tokenize;
mod train;

pub use encode::{EncodeOptions, embed_features, encode_split};
pub use error::{ExitCode, PipelineError};
pub use evaluate::{Evaluation, SplitEvaluation, evaluate};
pub use larder::Larder;
pub use observer::{Event, Observer, Silent, Stage, StageTime};
pub use predict::{Prediction, Predictor};
pub use record::{RunRecord, RunSettings};
pub use run::{RunOutcome, run};
pub use tokenize::{TokenizeOptions, tokenize_split};
pub use train::{TRAIN_SPLIT, TrainOptions, TrainOutcome, train};
