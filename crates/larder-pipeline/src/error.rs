//! Why a command failed.

use std::path::PathBuf;

use larder_data::{DataError, Task};
use larder_encode::EncodeError;
use larder_errors::ErrorClass;
use larder_export::ExportError;
use larder_files::FileError;
use larder_finetune::TuneError;
use larder_inspect::InspectError;
use larder_intake::EncoderError;
use larder_metrics::MetricsError;
use larder_onnx::OnnxError;
use larder_report::ReportError;
use larder_runtime::RuntimeError;
use larder_store::{Level, StoreError};
use larder_tokens::{TokenizeStageError, TokensError};
use larder_train::TrainError;

use crate::TRAIN_SPLIT;

/// A stage failed.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The dataset.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The tokenize stage.
    #[error(transparent)]
    Tokenize(#[from] TokenizeStageError),
    /// A text at prediction.
    #[error(transparent)]
    Text(#[from] TokensError),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The encode stage.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// An artifact, or the disk.
    #[error(transparent)]
    File(#[from] FileError),
    /// A Parquet artifact.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The head.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A file of rows to answer.
    #[error(transparent)]
    Input(#[from] crate::InputError),
    /// Fine-tuning.
    #[error(transparent)]
    Tune(#[from] TuneError),
    /// A Parquet file that was to be looked at.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// A file of vectors does not say which encoder made them.
    #[error("{} does not say which encoder made its vectors: name one with `--encoder`", path.display())]
    NoEncoderNamed {
        /// The file.
        path: PathBuf,
    },
    /// A features file that cannot be encoded again as it was.
    #[error("{} cannot be verified: {why}", path.display())]
    Unverifiable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Vectors that their encoder does not give.
    #[error(
        "{}: {wrong} of {checked} rows are not what the encoder gives; the first, row {row}, differs in `{column}` by {relative:.2e} of \
         its root mean square, and {tolerance:.0e} is rounding: encode it again with `larder encode --force` and the flags \
         of the first time",
        features.display()
    )]
    WrongVectors {
        /// The features file.
        features: PathBuf,
        /// Rows that are wrong.
        wrong: usize,
        /// Rows compared.
        checked: usize,
        /// The first wrong one, zero-based.
        row: usize,
        /// A column that is wrong there.
        column: String,
        /// By how much.
        relative: f64,
        /// What is rounding.
        tolerance: f64,
    },
    /// Vectors of words or tokens where those of texts are needed.
    #[error(
        "{}: column `{column}` holds vectors of {level}s, and a text has one of a sentence: look for a row with `--nearest \
         ROW`{}",
        path.display(),
        // Words are of sentences of words, which have no vector as a whole.
        if *level == Level::Token { ", or, where these are tokens of texts, encode with `--level sentence`" } else { "" }
    )]
    WordVectors {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What its rows are.
        level: Level,
    },
    /// Exporting.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A head to start from that cannot be read.
    #[error("{}: no head to start from: expected a safetensors file with classifier.weight and classifier.bias", path.display())]
    InitHead {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<OnnxError>,
    },
    /// A cache of hidden states that is not of these examples.
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
    /// A perceptron for a tagging task.
    #[error("{}: the head mlp gives one label a text, and this task wants one a word: take the head logistic or crf", spec.display())]
    MlpForTagging {
        /// The dataset's description.
        spec: PathBuf,
    },
    /// Scores.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A page of runs.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// No such run.
    #[error("there is no run `{run}` in {}; {}", folder.display(), known_runs(known))]
    UnknownRun {
        /// The run asked for.
        run: String,
        /// Where runs lie.
        folder: PathBuf,
        /// The runs there are.
        known: Vec<String>,
    },
    /// The description that a run was made from is not there any more.
    #[error(
        "run `{run}` was made from the dataset described in {}, which is not there any more\n  `--dataset FILE` says where it is",
        path.display()
    )]
    DatasetGone {
        /// The run.
        run: String,
        /// The description's path.
        path: PathBuf,
    },
    /// A dataset of another task than the run's.
    #[error("run `{run}` is for the task {expected}, and {} describes a dataset of the task {found}", spec.display())]
    OtherTask {
        /// The run.
        run: String,
        /// Its task.
        expected: Task,
        /// The description.
        spec: PathBuf,
        /// The dataset's task.
        found: Task,
    },
    /// The dataset has no labels.
    #[error("{} names no {} column, so there is nothing to learn; add `{}` to [columns]", spec.display(), target(*task), target(*task))]
    NoLabels {
        /// The dataset's description.
        spec: PathBuf,
        /// Its task.
        task: Task,
    },
    /// The dataset has no split of that name to train on.
    #[error("{} has no split `{split}` to train on; its splits are {}", spec.display(), known.join(", "))]
    NoTrainSplit {
        /// The dataset's description.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The splits there are.
        known: Vec<String>,
    },
    /// A row without a label where one is needed.
    #[error("{}: row {row} has no label; training and scoring need one in every row", features.display())]
    NoLabel {
        /// The features file.
        features: PathBuf,
        /// Zero-based row.
        row: usize,
    },
    /// A label that the run's head does not know.
    #[error("{}: row {row} has the label `{label}`, which the run does not know; it knows {}", features.display(), known.join(", "))]
    UnknownLabel {
        /// The features file.
        features: PathBuf,
        /// Zero-based row.
        row: usize,
        /// The label.
        label: String,
        /// The run's labels.
        known: Vec<String>,
    },
    /// Features of another level than the task's head reads.
    #[error("{}: a head for {task} reads features of level `{expected}`, not `{found}`; leave `--level` out", spec.display())]
    WrongLevel {
        /// The dataset's description.
        spec: PathBuf,
        /// Its task.
        task: Task,
        /// The level asked for.
        found: Level,
        /// The level that the head reads.
        expected: Level,
    },
    /// A features file of words in which a word is missing.
    #[error(
        "{}: row {row} is word {found} of its sentence, expected word {expected}: rows are missing or out of order; \
         delete the file, and the same command encodes it again",
        features.display()
    )]
    BrokenSentences {
        /// The features file.
        features: PathBuf,
        /// Zero-based row.
        row: usize,
        /// Its position.
        found: i32,
        /// The position that would follow the row before.
        expected: i32,
    },
    /// A `run.json` of another version.
    #[error("{} has version {found}, this larder reads {expected}; train it again with `--run NAME`", path.display())]
    RunVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version read here.
        expected: u32,
    },
    /// A run of the other task was given.
    #[error("run `{run}` is a {found} run; this needs a {expected} run")]
    WrongTask {
        /// The run.
        run: String,
        /// Its task.
        found: Task,
        /// The task needed.
        expected: Task,
    },
    /// The encoder of that name is no longer the one the run was made with.
    #[error(
        "run `{run}` was made with another encoder `{encoder}` (model {found} now, {recorded} then); \
         train again, or add the old encoder under its name"
    )]
    EncoderChanged {
        /// The run.
        run: String,
        /// The encoder's name.
        encoder: String,
        /// The digest then.
        recorded: String,
        /// The digest now.
        found: String,
    },
    /// The encoder that a run was fine-tuned to, and has with it, is damaged.
    #[error(
        "run `{run}`: the encoder that it was fine-tuned to cannot be used: {problem}; fine-tune it again with --force"
    )]
    BrokenTunedEncoder {
        /// The run.
        run: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `run.json` contradicts itself or the head beside it.
    #[error("run `{run}`: run.json and head.json do not belong together; train it again with --force")]
    BrokenRun {
        /// The run.
        run: String,
    },
    /// An encoder without token vectors was to tag words.
    #[error(
        "encoder `{encoder}` gives a sentence's vector alone, so it cannot tag words; export the model with its token \
         outputs (`last_hidden_state`) and add that file"
    )]
    SentencesOnly {
        /// The encoder.
        encoder: String,
    },
    /// There is no split to judge encoders on.
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
        /// The others, with their reasons.
        refused: Vec<String>,
    },
    /// Runs that were not judged on the same rows.
    #[error("runs `{first}` and `{second}` cannot be compared: {why}; only answers to the same rows can be")]
    NotComparable {
        /// A run or encoder.
        first: String,
        /// The other.
        second: String,
        /// What differs.
        why: String,
    },
    /// A text that cannot be read by the encoder.
    #[error("the text {problem}")]
    Unreadable {
        /// Why.
        problem: String,
    },
    /// A text that the encoder has no finite vector for.
    #[error("`{text}` cannot be answered")]
    NoVector {
        /// The beginning of the text.
        text: String,
        /// What the encoder gave.
        source: Box<EncodeError>,
    },
}

impl PipelineError {
    /// The class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Runtime(error) => error.class(),
            Self::Encoder(error) => error.class(),
            Self::Encode(error) => error.class(),
            Self::Train(error) => error.class(),
            Self::Tune(error) => error.class(),
            Self::Export(error) => error.class(),
            Self::Report(_) => ErrorClass::Bug,
            Self::UnknownRun { .. } | Self::EncoderChanged { .. } => ErrorClass::Missing,
            Self::WrongLevel { .. } | Self::MlpForTagging { .. } | Self::NoEncoderNamed { .. } => ErrorClass::Usage,
            _ => ErrorClass::Input,
        }
    }

    /// The way out where the message alone does not show it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Encoder(error) => error.hint(),
            Self::Encode(error) => error.hint(),
            Self::Data(error) | Self::Tokenize(TokenizeStageError::Data(error)) => error.hint().map(str::to_owned),
            _ => None,
        }
    }
}

fn target(task: Task) -> &'static str {
    match task {
        Task::Sequence => "label",
        Task::Tagging => "tags",
    }
}

fn known_runs(known: &[String]) -> String {
    match known {
        [] => "there are none yet: `larder train DATASET --encoder NAME` makes one".to_owned(),
        known => format!("there are {}", known.join(", ")),
    }
}
