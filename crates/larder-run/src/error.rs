//! Errors of making, reading and using a run.

use std::path::PathBuf;

use larder_data::{DataError, Task};
use larder_encode::EncodeError;
use larder_errors::{ErrorClass, Names};
use larder_files::FileError;
use larder_finetune::TuneError;
use larder_intake::EncoderError;
use larder_metrics::MetricsError;
use larder_runtime::RuntimeError;
use larder_store::{Level, StoreError};
use larder_tokens::{TokenizeStageError, TokensError};
use larder_train::TrainError;

use crate::tasks::ScoredRole;

/// A run, or a stage that it needs, failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The dataset.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The tokenize stage.
    #[error(transparent)]
    Tokenize(#[from] TokenizeStageError),
    /// A text to predict.
    #[error(transparent)]
    Text(#[from] TokensError),
    /// The encoder.
    #[error(transparent)]
    Encoder(Box<EncoderError>),
    /// The encode stage.
    #[error(transparent)]
    Encode(Box<EncodeError>),
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
    Train(Box<TrainError>),
    /// Fine-tuning.
    #[error(transparent)]
    Tune(Box<TuneError>),
    /// A run that keeps no calibration.
    #[error("run `{run}` cannot make sets with coverage: {why}")]
    NoCalibration {
        /// The run.
        run: String,
        /// Why it has none, and what to do.
        why: String,
    },
    /// A run of a version that kept no calibration.
    #[error(
        "run `{run}` has no calibration.parquet, because an earlier larder trained it; train this run again with --force"
    )]
    OldCalibration {
        /// The run.
        run: String,
    },
    /// A calibration that cannot be read, or is not this run's.
    #[error(
        "run `{run}`: calibration.parquet cannot be used: {problem}; --force trains it again and writes the file anew"
    )]
    BrokenCalibration {
        /// The run.
        run: String,
        /// Why.
        problem: String,
    },
    /// Coverage that a run's calibration cannot give.
    #[error("run `{run}`: {source}")]
    Coverage {
        /// The run.
        run: String,
        /// Why not.
        source: MetricsError,
    },
    /// A limit on the labels of a set, for a run that answers numbers.
    #[error("run `{run}` answers numbers, whose sets are intervals: leave `--max-set` out")]
    NoSetsOfLabels {
        /// The run.
        run: String,
    },
    /// A score is less than it must be.
    #[error("{run}: {score} on {split} is {value:.4}, and {least} was asked for")]
    ScoreBelow {
        /// The run.
        run: String,
        /// The split.
        split: String,
        /// The score.
        score: String,
        /// Its value.
        value: f64,
        /// The least that it must be.
        least: f64,
    },
    /// A score that the run does not have.
    #[error("there is no score `{score}` ({})", known.hint(score))]
    UnknownScore {
        /// The score asked for.
        score: String,
        /// The scores that there are.
        known: Names,
    },
    /// No encoder is named, and there is not exactly one.
    #[error("{}", which_encoder(known))]
    WhichEncoder {
        /// The encoders that there are.
        known: Names,
    },
    /// A head of another task than the dataset's.
    #[error("{}: the head {head} is not for the task {task}: take {}", spec.display(), known.join(" or "))]
    OtherHead {
        /// The dataset's description.
        spec: PathBuf,
        /// Its task.
        task: Task,
        /// The head asked for.
        head: String,
        /// The heads of the task.
        known: Vec<&'static str>,
    },
    /// A column that was to be scored.
    #[error("{error}")]
    ScoredColumns {
        /// Its role.
        role: ScoredRole,
        /// The problem.
        #[source]
        error: Box<DataError>,
    },
    /// Columns of a CoNLL file that are no two positions.
    #[error(
        "tags are read from a column of gold and one of predictions by their zero-based positions, as `--gold 1 --predicted 2`; \
         found {} and {}",
        listed(gold),
        listed(predicted)
    )]
    TagColumns {
        /// The columns given for gold.
        gold: Vec<String>,
        /// The columns given for the predictions.
        predicted: Vec<String>,
    },
    /// Predictions in files are not scored for this task.
    #[error(
        "predictions of the task {task} are not scored in files yet; `--task multilabel --label-separator '|'` takes its labels \
         as sets of one"
    )]
    FilesNotScored {
        /// The task.
        task: Task,
    },
    /// Scores.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// No such run.
    #[error("there is no run `{run}` in {}; {}", folder.display(), known_runs(known))]
    UnknownRun {
        /// The run asked for.
        run: String,
        /// The folder of runs.
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
    #[error(
        "{} names no {target} column, so there is nothing to learn; add `{target}` to [columns]",
        spec.display(), target = task.files().target
    )]
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
        /// Why it cannot be used.
        problem: String,
    },
    /// `run.json` contradicts itself or the head beside it.
    #[error("run `{run}`: run.json and head.json do not belong together; train it again with --force")]
    BrokenRun {
        /// The run.
        run: String,
    },
    /// An exported file whose output has another shape or type than its run needs.
    #[error("the exported file gives `{output}` as {found}, expected float32 {expected:?}: this is a bug in larder")]
    ExportedOutput {
        /// The output.
        output: String,
        /// The shape and type found.
        found: String,
        /// `[batch, classes]` or `[batch, seq, tags]`.
        expected: Vec<usize>,
    },
    /// A text that the encoder cannot read.
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
        /// The encoder's error.
        source: Box<EncodeError>,
    },
}

/// Boxes the largest errors: each result is as large as its error may be.
macro_rules! boxed {
    ($($variant:ident: $error:ty),+ $(,)?) => {
        $(impl From<$error> for RunError {
            fn from(error: $error) -> Self {
                Self::$variant(Box::new(error))
            }
        })+
    };
}
boxed!(Encoder: EncoderError, Encode: EncodeError, Train: TrainError, Tune: TuneError);

impl RunError {
    /// Returns the class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::File(error) => error.class(),
            Self::Runtime(error) => error.class(),
            Self::Encoder(error) => error.class(),
            Self::Encode(error) => error.class(),
            Self::Train(error) => error.class(),
            Self::Tune(error) => error.class(),
            Self::ExportedOutput { .. } => ErrorClass::Bug,
            Self::UnknownRun { .. } | Self::EncoderChanged { .. } => ErrorClass::Missing,
            Self::WhichEncoder { known } if known.as_slice().is_empty() => ErrorClass::Missing,
            Self::ScoreBelow { .. } => ErrorClass::Score,
            Self::Coverage { .. } | Self::NoSetsOfLabels { .. } => ErrorClass::Usage,
            Self::NoCalibration { .. } | Self::OldCalibration { .. } => ErrorClass::Missing,
            Self::WrongLevel { .. }
            | Self::UnknownScore { .. }
            | Self::WhichEncoder { .. }
            | Self::OtherHead { .. }
            | Self::TagColumns { .. }
            | Self::FilesNotScored { .. } => ErrorClass::Usage,
            _ => ErrorClass::Input,
        }
    }

    /// Returns a hint, where the message alone does not show the way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Encoder(error) => error.hint(),
            Self::Encode(error) => error.hint(),
            Self::Data(error) | Self::Tokenize(TokenizeStageError::Data(error)) => error.hint().map(str::to_owned),
            Self::ScoredColumns { role, error } => match **error {
                DataError::MissingColumn { .. }
                | DataError::ColumnType { .. }
                | DataError::ColumnName { .. }
                | DataError::BadRow { .. } => {
                    Some(format!("it was read for `{}`, which names the columns", role.flag()))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Converts the errors of the stages below into an error enum through its variant `Run(RunError)`.
#[macro_export]
macro_rules! from_stage_errors {
    ($error:ty: $($stage:ty),+ $(,)?) => {
        $(impl From<$stage> for $error {
            fn from(error: $stage) -> Self {
                Self::Run(error.into())
            }
        })+
    };
}

fn listed(columns: &[String]) -> String {
    if columns.is_empty() { "none".to_owned() } else { format!("`{}`", columns.join(",")) }
}

fn which_encoder(known: &Names) -> String {
    match known.as_slice() {
        [] => "there is no encoder yet: `larder encoder add all-MiniLM-L6-v2` takes in the one that `larder setup` fetches, `larder encoder add SOURCE` any other".to_owned(),
        _ => format!("there are several encoders ({known}): name one with --encoder"),
    }
}

fn known_runs(known: &[String]) -> String {
    match known {
        [] => "there are none yet: `larder train DATASET --encoder NAME` makes one".to_owned(),
        known => format!("there are {}", known.join(", ")),
    }
}
