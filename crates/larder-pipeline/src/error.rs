//! Errors of the pipeline.

use std::path::PathBuf;

use larder_data::{DataError, Task};
use larder_describe::DescribeError;
use larder_encode::EncodeError;
use larder_errors::ErrorClass;
use larder_evaluate::EvaluateError;
use larder_files::{Change, FileError};
use larder_finetune::TuneError;
use larder_inspect::InspectError;
use larder_intake::EncoderError;
use larder_metrics::MetricsError;
use larder_onnx::OnnxError;
use larder_predict::PredictError;
use larder_run::{RunError, TRAIN_SPLIT, from_stage_errors};
use larder_runtime::{RuntimeError, SetupError};
use larder_scale::ScaleError;
use larder_store::{Level, StoreError};
use larder_suggest::SuggestError;
use larder_tokens::{TokenizeStageError, TokensError};
use larder_train::TrainError;

/// An error of a stage.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A run, or a stage below it.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Evaluation.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Inspecting a Parquet file.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// A file that nobody described.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// Set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A plan, a store or a shard.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The rows of a pool.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// Vectors that cannot be chosen from.
    #[error("{}: rows cannot be chosen by its vectors", path.display())]
    Suggest {
        /// The features file.
        path: PathBuf,
        /// The cause.
        source: SuggestError,
    },
    /// A pool whose vectors another encoder made.
    #[error(
        "{}: its vectors are those of another encoder (model {found}) than run `{run}` reads (model {expected}); give the file of the texts, \
         and they are encoded",
        path.display()
    )]
    OtherEncoder {
        /// The features file.
        path: PathBuf,
        /// The run.
        run: String,
        /// The digest of the model that made them.
        found: String,
        /// The digest of the run's model.
        expected: String,
    },
    /// A run of a task without suggestions.
    #[error("run `{run}` is a {task} run, and rows are suggested to runs of one label a text alone")]
    NoSuggestions {
        /// The run.
        run: String,
        /// Its task.
        task: Task,
    },
    /// A head that a replay does not fit.
    #[error(
        "run `{run}` has a head of kind {kind}, and a replay fits logistic heads alone; train one, and replay that run"
    )]
    NoReplay {
        /// The run.
        run: String,
        /// The kind of its head.
        kind: String,
    },
    /// Features of another split, encoder or settings than those asked for.
    #[error(
        "{manifest} is of the split `{split}`, but not as it is asked for ({}): give the data set, the encoder and the flags that it was \
         planned with",
        changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherFeatures {
        /// The manifest.
        manifest: String,
        /// Its split.
        split: String,
        /// What differs: before, in the manifest; after, as asked for.
        changes: Vec<Change>,
    },
    /// An error of this machine that another try, here or elsewhere, may not meet.
    #[error("{0}")]
    MayPass(#[source] Box<PipelineError>),
    /// A file of vectors does not say which encoder made them.
    #[error("{} does not say which encoder made its vectors: name one with `--encoder`", path.display())]
    NoEncoderNamed {
        /// The file.
        path: PathBuf,
    },
    /// A features file that cannot be encoded again in the same way.
    #[error("{} cannot be verified: {why}", path.display())]
    Unverifiable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Vectors that differ from those of their encoder.
    #[error(
        "{}: {wrong} of {checked} rows are not what the encoder gives; the first, row {row}, differs in `{column}` by {relative:.2e} of \
         its root mean square, and {tolerance:.0e} is rounding: encode it again with `larder encode --force` and the flags \
         of the first time",
        features.display()
    )]
    WrongVectors {
        /// The features file.
        features: PathBuf,
        /// Number of wrong rows.
        wrong: usize,
        /// Number of rows compared.
        checked: usize,
        /// The first wrong row, zero-based.
        row: usize,
        /// The column that is wrong there.
        column: String,
        /// The relative difference.
        relative: f64,
        /// The largest difference that counts as rounding.
        tolerance: f64,
    },
    /// Vectors of words or tokens where those of texts are needed.
    #[error(
        "{}: column `{column}` holds vectors of {level}s, and a text has one of a sentence: look for a row with `--nearest \
         ROW`{}",
        path.display(),
        // Words belong to sentences of words, which have no vector as a whole.
        if *level == Level::Token { ", or, where these are tokens of texts, encode with `--level sentence`" } else { "" }
    )]
    WordVectors {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The level of its rows.
        level: Level,
    },
    /// An initial head that cannot be read.
    #[error("{}: no head to start from: expected a safetensors file with classifier.weight and classifier.bias", path.display())]
    InitHead {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<OnnxError>,
    },
    /// A cache of hidden states that belongs to other examples.
    #[error(
        "{}: {found} rows, expected {expected}, one a token: delete the file, and the same command encodes it again",
        features.display()
    )]
    CachedRows {
        /// The features file.
        features: PathBuf,
        /// Its rows.
        found: usize,
        /// The tokens of the examples.
        expected: usize,
    },
    /// An encoder without token vectors, asked to tag words.
    #[error(
        "encoder `{encoder}` gives a sentence's vector alone, so it cannot tag words; export the model with its token \
         outputs (`last_hidden_state`) and add that file"
    )]
    SentencesOnly {
        /// The encoder.
        encoder: String,
    },
    /// An encoder that runs need is not removed.
    #[error(
        "encoder `{encoder}` is needed to answer texts with {}; remove {} first (`larder runs rm NAME`), or use --force",
        runs.join(", "),
        if runs.len() == 1 { "it" } else { "them" }
    )]
    EncoderInUse {
        /// The encoder.
        encoder: String,
        /// The runs.
        runs: Vec<String>,
    },
    /// A dataset without splits to evaluate encoders on.
    #[error("{} has no split but `{TRAIN_SPLIT}`, and nothing is judged on that; name another in [splits]", spec.display())]
    NothingToJudge {
        /// The dataset's description.
        spec: PathBuf,
    },
    /// Fewer than two encoders could be scored.
    #[error(
        "nothing is compared: only {compared} of {asked} encoders could be scored on {}: {}",
        spec.display(),
        refused.join("; ")
    )]
    TooFewCompared {
        /// The dataset's description.
        spec: PathBuf,
        /// Encoders scored.
        compared: usize,
        /// Different encoders asked for.
        asked: usize,
        /// The other encoders, with reasons.
        refused: Vec<String>,
    },
}

from_stage_errors!(
    PipelineError: DataError,
    EncodeError,
    EncoderError,
    FileError,
    MetricsError,
    RuntimeError,
    StoreError,
    TokenizeStageError,
    TokensError,
    TrainError,
    TuneError,
);

impl PipelineError {
    /// Returns the class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Run(error) => error.class(),
            Self::Evaluate(error) => error.class(),
            Self::Predict(error) => error.class(),
            Self::Setup(error) => error.class(),
            Self::Scale(error) => error.class(),
            Self::MayPass(_) => ErrorClass::TryAgain,
            Self::NoEncoderNamed { .. } => ErrorClass::Usage,
            _ => ErrorClass::Input,
        }
    }

    /// Returns a hint, where the message alone does not show the way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::Evaluate(error) => error.hint(),
            Self::Predict(error) => error.hint(),
            Self::MayPass(error) => error.hint(),
            _ => None,
        }
    }
}
