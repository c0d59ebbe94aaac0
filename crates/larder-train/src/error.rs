//! Errors of training, saving, loading and using heads.

use std::path::PathBuf;

use larder_errors::ErrorClass;
use thiserror::Error;

/// Why a head could not be trained, saved, loaded or applied.
#[derive(Debug, Error)]
pub enum TrainError {
    /// No features were given.
    #[error("no feature column to train on: give at least one")]
    NoColumns,
    /// A column without dimensions.
    #[error("feature column `{column}` has no dimensions: encode the features again")]
    EmptyColumn {
        /// The column's name.
        column: String,
    },
    /// Two columns share one name.
    #[error("feature column `{column}` is given twice: name each column once")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// A column's rows differ from the labels' (or from the other columns').
    #[error(
        "feature column `{column}` has {found} rows, expected {expected}: features and labels must come from \
         the same split"
    )]
    RowMismatch {
        /// The column's name.
        column: String,
        /// Its rows.
        found: usize,
        /// The rows of the labels, or of the first column.
        expected: usize,
    },
    /// NaN or infinity among the features.
    #[error(
        "feature column `{column}`, row {row}, dimension {dimension}: the value is {value}, expected a finite \
         number, and larder writes no other: make the features again with `larder encode --force`"
    )]
    NonFinite {
        /// The column's name.
        column: String,
        /// The zero-based row.
        row: usize,
        /// The zero-based dimension.
        dimension: usize,
        /// The value.
        value: f32,
    },
    /// A classifier needs two classes.
    #[error("the task has {found} class(es), expected at least 2: a classifier has nothing to tell apart")]
    TooFewClasses {
        /// The number of classes named.
        found: usize,
    },
    /// A label index points outside of the class names.
    #[error("row {row} has label index {label}, expected less than {classes} (the number of classes)")]
    LabelOutOfRange {
        /// The zero-based row.
        row: usize,
        /// The index.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// Not one label a row.
    #[error("{found} label(s) for {expected} row(s) of features: features and labels must come from the same split")]
    LabelMismatch {
        /// The labels.
        found: usize,
        /// The rows.
        expected: usize,
    },
    /// A class without a single training row.
    #[error(
        "no training row has the label {}: remove it from the dataset's label names, or add rows that have it",
        .classes.iter().map(|class| format!("`{class}`")).collect::<Vec<_>>().join(", ")
    )]
    ClassWithoutRows {
        /// The names of the classes without rows.
        classes: Vec<String>,
    },
    /// NaN or infinity among the targets of a regression.
    #[error("row {row}: the target is {value}, expected a finite number: correct the row, or leave it out")]
    NonFiniteTarget {
        /// The zero-based row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// Targets of a regression that do not differ.
    #[error(
        "{rows} training row(s){}: there is nothing to learn (is the column of the targets the right one?)",
        .value.map_or_else(String::new, |value| format!(", and each has the target {value}"))
    )]
    ConstantTargets {
        /// The number of rows.
        rows: usize,
        /// Their target; `None` without rows.
        value: Option<f64>,
    },
    /// The eigenvalues of the features' products were not found.
    #[error(
        "the features of {columns} could not be decomposed: values differ too much in size; standardise them, or leave \
         out columns"
    )]
    NoDecomposition {
        /// The candidate's name.
        columns: String,
    },
    /// Targets of a multi-label head that are not one column a label.
    #[error("the targets have {found} column(s), expected one for each of the {expected} label(s), and at least one")]
    LabelColumns {
        /// The columns.
        found: usize,
        /// The names of labels.
        expected: usize,
    },
    /// A label that every training row has.
    #[error(
        "every training row has the label {}: no row tells when it is missing; remove it from the dataset's label names, or add \
         rows without it",
        .labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
    )]
    LabelInEveryRow {
        /// The labels' names.
        labels: Vec<String>,
    },
    /// A regularisation strength that is not a positive number.
    #[error("C is {found}, expected a finite number above 0 (small is strong regularisation: try 0.01)")]
    InvalidC {
        /// The text given.
        found: f64,
    },
    /// Nothing to choose from.
    #[error("the list of C to try is empty: give at least one, or a fixed C")]
    EmptyGrid,
    /// Cross-validation needs at least two folds.
    #[error("cross-validation over {found} fold(s): expected 2 or more")]
    TooFewFolds {
        /// The value asked for.
        found: usize,
    },
    /// The fit ended without finite weights.
    #[error(
        "the fit on {columns} (C = {c}) diverged: its objective is {objective}; standardise the features or \
         take a smaller C"
    )]
    Diverged {
        /// The columns' names.
        columns: String,
        /// The regularisation strength.
        c: f64,
        /// The objective reached.
        objective: f64,
    },
    /// The head was trained on a column that is not there now.
    #[error(
        "the head was trained on feature column `{column}`, and the features have {}: encode them with the \
         layers and pooling the head was trained with",
        .found.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )]
    MissingColumn {
        /// The name the head asks for.
        column: String,
        /// The names that are there.
        found: Vec<String>,
    },
    /// The column is there, with another width.
    #[error(
        "feature column `{column}` is {found} wide, and the head was trained on a width of {expected}: encode \
         with the encoder the head was trained with"
    )]
    WidthMismatch {
        /// The column's name.
        column: String,
        /// Its width.
        found: usize,
        /// The head's width.
        expected: usize,
    },
    /// A head was asked for answers of another kind than its own.
    #[error("the head answers {found}, and was asked for {expected}: use it for the task it was trained for")]
    OtherOutput {
        /// The kind of answers that it gives.
        found: &'static str,
        /// The kind of answers asked for.
        expected: &'static str,
    },
    /// A source of words failed.
    #[error("cannot read the features of the words")]
    Source {
        /// The source's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Features or classes of words that are not there, or of more words than there are.
    #[error("found {found} words, expected {expected}: features and tags must come from the same split")]
    WordMismatch {
        /// The words found.
        found: usize,
        /// The words that the sentences' lengths add up to.
        expected: usize,
    },
    /// A tagger cannot be trained without tags.
    #[error("the words have no tags: training needs a split whose words are tagged")]
    NoTags,
    /// A tagger needs entities to learn from.
    #[error(
        "none of the {words} training words belongs to an entity: there is nothing to learn (is the column of \
         the tags the right one?)"
    )]
    NoEntities {
        /// The words.
        words: usize,
    },
    /// Gold classes that no legal IOB2 sequence has.
    #[error(
        "training sentence {sentence}, word {word}: {tag} may not stand {}; tags must be legal IOB2 sequences: \
         repair them when the dataset is read",
        .previous.as_ref().map_or_else(|| "at the start".to_owned(), |previous| format!("after {previous}"))
    )]
    IllegalTags {
        /// The zero-based sentence.
        sentence: usize,
        /// The zero-based word in it.
        word: usize,
        /// The tag before it, if there is one.
        previous: Option<String>,
        /// Its tag.
        tag: String,
    },
    /// Without a fold nothing is held out.
    #[error("0 folds hold nothing out: take 1 (one fifth of the sentences, once), or 2 or more (each part in turn)")]
    NoHeldOut,
    /// A chain's loss has no words to weigh.
    #[error(
        "a crf takes no class weights: its loss is that of whole sentences, in which the words cannot be weighed \
         one by one; train the `logistic` head with class weights, or let the bias of `O` be tuned"
    )]
    ClassWeightOfCrf,
    /// A streamed fit that would not move.
    #[error("{epochs} epoch(s) at a learning rate of {learning_rate}: expected at least 1, and a number above 0")]
    InvalidSteps {
        /// The epochs.
        epochs: usize,
        /// The learning rate.
        learning_rate: f64,
    },
    /// A file of the head could not be written.
    #[error(transparent)]
    File(#[from] larder_files::FileError),
    /// A file of the head could not be read.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// `head.json` is not what this version writes.
    #[error("`{}` is not a head's description: train the head again with --force", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// `head.safetensors` is damaged.
    #[error("`{}` is not a whole safetensors file: train the head again with --force", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A tensor of the head has another shape or type than `head.json` says.
    #[error(
        "`{}`, tensor `{tensor}`: found {found}, expected {expected}; `head.json` and `head.safetensors` do \
         not belong together: train the head again with --force",
        path.display()
    )]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// Type and shape found.
        found: String,
        /// Type and shape that `head.json` asks for.
        expected: String,
    },
    /// The head was written by a later version.
    #[error(
        "`{}` has format version {found}, and this larder reads version {expected}: use the larder that wrote \
         it, or train again",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// `head.json` contradicts itself.
    #[error("`{}`: {what}; train the head again with --force", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// The contradiction, in words.
        what: String,
    },
    /// The metrics refused labels or answers.
    #[error("cannot score the answers")]
    Metrics(#[from] larder_metrics::MetricsError),
    /// A setting outside what makes sense.
    #[error("{setting} is {found}: {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The values that are allowed.
        expected: &'static str,
    },
    /// The training of a perceptron diverged.
    #[error(
        "at step {step} the head's {what} is {value}: lower the learning rate (now {rate:e}), leave features standardised, or \
         take smaller layers"
    )]
    MlpNotFinite {
        /// The step, from 1.
        step: usize,
        /// The loss, the loss on held-out rows, or the norm of the gradients.
        what: &'static str,
        /// NaN or an infinity.
        value: f64,
        /// The learning rate in that step.
        rate: f64,
    },
    /// No training graph of the perceptron can be made.
    #[cfg(feature = "perceptron")]
    #[error("no training graph can be made")]
    Graphs(#[from] larder_graphs::GraphsError),
    /// A graph of the perceptron does not run.
    #[cfg(feature = "perceptron")]
    #[error("the {graph} does not run")]
    Run {
        /// The graph.
        graph: &'static str,
        /// The runtime's error.
        #[source]
        source: Box<larder_runtime::RuntimeError>,
    },
}

impl TrainError {
    /// The class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Diverged { .. } | Self::MlpNotFinite { .. } | Self::NoDecomposition { .. } => ErrorClass::Training,
            Self::Setting { .. } => ErrorClass::Usage,
            #[cfg(feature = "perceptron")]
            Self::Run { source, .. } => source.class(),
            _ => ErrorClass::Input,
        }
    }

    #[cfg(feature = "perceptron")]
    pub(crate) fn run(graph: &'static str) -> impl Fn(larder_runtime::RuntimeError) -> Self {
        move |source| Self::Run { graph, source: Box::new(source) }
    }
}
