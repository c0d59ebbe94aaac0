//! The stages joined: each brings its inputs up to date, does its work unless that is done already, and tells an
//! [`Observer`] what it does.
//!
//! - [`Larder`] is where artifacts lie and which ONNX Runtime is used.
//! - [`tokenize_split`], [`encode_split`], [`train`], [`evaluate`] are the stages on one dataset and encoder; [`run`] is all
//!   of them.
//! - [`finetune`] trains the encoder itself with a head, [`run_finetune`] evaluates it too, [`sweep`] tries learning rates;
//!   [`export_graphs`] writes the graphs they run.
//! - [`DIAGNOSIS_FILE`] is what stands out about a run, written by training and evaluation.
//! - [`RunRecord`] is `run.json`: everything a run was made with, and what [`Predictor`] (one label a text) and
//!   [`TagPredictor`] (entities) need to answer later.
//! - [`run_seeds`] repeats a set-up with several seeds; [`score_file`] scores anybody's CoNLL file as our own runs are.
//! - [`compare_encoders`] puts several encoders through the same stages on one dataset, [`compare_runs`] judges runs that are
//!   there; both say which differences are real.
//! - [`nearest_to_text`] finds the rows of a file of vectors that are nearest to a text, [`verify_features`] encodes a
//!   features file again and compares.
//! - [`Input`] reads what a run is to answer, as its own files were read; [`predict_file`] writes such a file again with the
//!   answers; [`doctor`] says what this machine has, and
//!   [`forecast_split`] what an encode would take.
//! - [`write_report`] tells all about runs on one page.
//! - [`export_run`] makes a folder of a run that other tools load, checked against the run.
//! - [`PipelineError`] wraps the stages' errors and knows their class.
//!
//! ```
//! use larder_errors::ErrorClass;
//! use larder_pipeline::{Larder, RunRecord};
//!
//! let larder = Larder::new("no/such/folder", None);
//! let error = RunRecord::open(&larder, "first").unwrap_err();
//! assert_eq!(error.class(), ErrorClass::Missing);
//! ```
#![deny(missing_docs)]

mod cached_features;
mod cached_words;
mod compare;
mod diagnose;
mod doctor;
mod encode;
mod error;
mod evaluate;
mod export;
mod finetune;
mod head;
mod inspect;
mod larder;
mod observer;
mod predict;
mod record;
mod report;
mod run;
mod score;
mod seeds;
mod tokenize;
mod train;
mod training_words;
mod verify;

pub use compare::{
    ComparedEncoder, ComparedRun, Contender, Difference, EncoderComparison, Encoding, RefusedEncoder, RunComparison,
    SplitComparison, SubjectScore, compare_encoders, compare_runs,
};
pub use diagnose::DIAGNOSIS_FILE;
pub use doctor::{
    Checkup, Disk, DoctorOptions, EncoderCheck, EncoderFacts, Machine, ProviderCheck, RuntimeCheck, Speed, doctor,
};
pub use encode::{EncodeOptions, embed_features, encode_split, forecast_split};
pub use error::PipelineError;
pub use evaluate::{
    EvaluateOptions, EvaluateOutcome, Evaluation, SequenceEvaluation, ShownSentence, SplitEvaluation,
    TaggingEvaluation, TaggingSplitEvaluation, UnscoredSplit, evaluate,
};
pub use export::{ExportOptions, ExportOutcome, export_run};
pub use finetune::{
    DEV_SPLIT, FinetuneOptions, GraphsOptions, GraphsOutcome, HISTORY_FILE, Recipe, SweepCell, SweepOutcome, SweepRate,
    TuneChoices, export_graphs, finetune, run_finetune, sweep,
};
pub use inspect::{TextNeighbours, TextQuery, nearest_to_text};
pub use larder::Larder;
pub use observer::{Event, Observer, Silent, Stage, StageTime};
pub use predict::{
    AskedRow, EntityPrediction, FileOptions, FileOutcome, Input, InputError, InputFlags, InputOrigin, Prediction,
    Predictor, TagPredictor, TaggedText, about_text, predict_file,
};
pub use record::{HeadRecord, MlpRecord, RunRecord, RunSettings, SequenceRecord, TaggingRecord, TunedRecord};
pub use report::{report, write_report};
pub use run::{RunOutcome, run};
pub use score::{FileScores, ScoreOptions, score_file};
pub use seeds::{SeedSummary, SeedsOutcome, run_seeds};
pub use tokenize::{TokenizeOptions, tokenize_split};
pub use train::{TRAIN_SPLIT, TrainOptions, TrainOutcome, train};
pub use training_words::TrainingWords;
pub use verify::{FeaturesVerification, VerifiedColumn, VerifyOptions, WrongRow, verify_features};
