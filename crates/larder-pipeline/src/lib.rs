//! The stages joined: each brings its inputs up to date, does its work unless that is done already, and tells an
//! [`Observer`] what it does.
//!
//! - [`Larder`] is where artifacts lie and which ONNX Runtime is used.
//! - [`tokenize_split`], [`encode_split`], [`train`], [`evaluate`] are the stages on one dataset and encoder; [`run`] is all
//!   of them.
//! - [`finetune`] trains the encoder itself with a head, [`run_finetune`] evaluates it too, [`sweep`] tries learning rates;
//!   [`export_graphs`] writes the graphs they run.
//! - [`RunRecord`] is `run.json`: everything a run was made with, and what [`Predictor`] (one label a text) and
//!   [`TagPredictor`] (entities) need to answer later.
//! - [`run_seeds`] repeats a set-up with several seeds; [`score_file`] scores anybody's CoNLL file as our own runs are.
//! - [`compare_encoders`] puts several encoders through the same stages on one dataset, [`compare_runs`] judges runs that are
//!   there; both say which differences are real.
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

mod cached_features;
mod cached_words;
mod compare;
mod encode;
mod error;
mod evaluate;
mod finetune;
mod head;
mod larder;
mod observer;
mod predict;
mod record;
mod run;
mod score;
mod seeds;
mod tokenize;
mod train;

pub use compare::{
    ComparedEncoder, ComparedRun, Contender, Difference, EncoderComparison, Encoding, RefusedEncoder, RunComparison,
    SplitComparison, SubjectScore, compare_encoders, compare_runs,
};
pub use encode::{EncodeOptions, embed_features, encode_split};
pub use error::{ExitCode, PipelineError};
pub use evaluate::{
    EvaluateOutcome, Evaluation, SequenceEvaluation, ShownSentence, SplitEvaluation, TaggingEvaluation,
    TaggingSplitEvaluation, evaluate,
};
pub use finetune::{
    DEV_SPLIT, FinetuneOptions, GraphsOptions, GraphsOutcome, HISTORY_FILE, Recipe, SweepCell, SweepOutcome, SweepRate,
    TuneChoices, export_graphs, finetune, run_finetune, sweep,
};
pub use larder::Larder;
pub use observer::{Event, Observer, Silent, Stage, StageTime};
pub use predict::{EntityPrediction, Prediction, Predictor, TagPredictor, TaggedText, TextOrWords};
pub use record::{HeadRecord, MlpRecord, RunRecord, RunSettings, SequenceRecord, TaggingRecord, TunedRecord};
pub use run::{RunOutcome, run};
pub use score::{FileScores, ScoreOptions, score_file};
pub use seeds::{SeedSummary, SeedsOutcome, run_seeds};
pub use tokenize::{TokenizeOptions, tokenize_split};
pub use train::{TRAIN_SPLIT, TrainOptions, TrainOutcome, train};
