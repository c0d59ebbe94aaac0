//! Runs and tasks: records, heads, scores, and the rules of each task.
//!
//! - [`RunRecord`] is `run.json`: everything a run was made with. [`Head`] is the trained head, [`HeadSettings`] its settings,
//!   [`HeadRecord`] its training: a head is one file in `heads/`. [`ListedRun`] is a run in short.
//! - [`Evaluation`] is `metrics.json`, the scores by split, and a [`Gate`] the least that one of them must be; [`load_diagnosis`] and [`save_diagnosis`] read and write findings.
//! - [`tasks`] holds the differences between tasks, one folder each behind [`tasks::TaskRules`]; with [`tasks::of`], users of a
//!   run need not know its task.
//! - [`Larder`] is the home of artifacts with its ONNX Runtime; an [`Observer`] receives the progress of stages.
//! - [`RunError`] is every error of a run or a stage below it.
//!
//! ```
//! use larder_errors::ErrorClass;
//! use larder_run::{Larder, RunRecord};
//!
//! let larder = Larder::new("no/such/folder", None);
//! let error = RunRecord::open(&larder, "first").unwrap_err();
//! assert_eq!(error.class(), ErrorClass::Missing);
//! ```
#![deny(missing_docs)]

mod answers;
mod cached_features;
mod cached_words;
mod columns;
mod coverage;
mod error;
mod evaluation;
mod examples;
mod features;
mod findings;
mod gate;
mod heads;
mod history;
mod label_vectors;
mod larder;
mod list;
mod observer;
mod options;
pub mod page;
mod record;
mod table;
pub mod tasks;
mod training_words;

pub use answers::{AnswerColumns, Predictor, RowAnswer, ShownAnswer, TaskAnswers, about_text};
pub use coverage::{AnswerBasis, CALIBRATION_FILE, RunSets, coverage_page};
pub use error::RunError;
pub use evaluation::{
    ComparedScores, EvaluationContext, METRICS_FILE, PairedAnswers, SplitAnswers, SplitOutline, SplitScores,
    SplitSource, StageTimer, TaskScores, UnscoredSplit, data_digest, is_current,
};
pub use examples::{ExampleSettings, GoldRows, LogitsJudge, SplitExamples, TokenizedRow};
pub use features::{gold, gold_and_unseen, load_columns};
pub use findings::{DIAGNOSIS_FILE, FitFacts, TargetClasses, load_diagnosis, save_diagnosis, score};
pub use gate::Gate;
pub use heads::{
    FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord, HeadSettings, LogisticRecord, MlpRecord,
    SimilarityRecord, TaggerRecord, TunedRecord,
};
pub use history::HISTORY_FILE;
pub use label_vectors::label_vectors;
pub use larder::Larder;
pub use list::{ListedRun, ListedScore};
pub use observer::{Event, Observer, Silent, Stage, StageTime};
pub use options::{EncodeOptions, TRAIN_SPLIT, TokenizeOptions, TrainOptions};
pub use record::{RUN_FILE, RUN_VERSION, RunRecord, RunSettings};
pub use table::{TextBlock, TextTable};
pub use tasks::{Answer, AnsweredRows, Evaluation};
pub use training_words::TrainingWords;
