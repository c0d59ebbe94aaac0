//! The errors of inputs that cannot be scored.

use std::fmt;

use larder_tags::Entity;

use crate::SetScore;

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// Two inputs that must have one entry per row differ in length.
    #[error("gold has {gold} rows but {other} has {found}: both must describe the same rows in the same order")]
    LengthMismatch {
        /// Rows of gold.
        gold: usize,
        /// The input that disagrees.
        other: &'static str,
        /// Its entries, counted in rows.
        found: usize,
    },
    /// There is nothing to score.
    #[error("no rows to score: a score needs at least one row with a gold class")]
    NoRows,
    /// A class index lies outside the classes of the task.
    #[error("row {row}: {role} class {class} does not exist, the task has {classes} classes (0 to {})",
            classes.saturating_sub(1))]
    ClassOutOfRange {
        /// Zero-based row.
        row: usize,
        /// The role of the class.
        role: ClassRole,
        /// The index found.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// Too few calibration rows for a finite threshold.
    #[error(
        "a coverage of {coverage} needs {needed} calibration rows, and there are {rows}: ask for less, or train on more rows"
    )]
    FewCalibrationRows {
        /// The coverage asked for.
        coverage: f64,
        /// The rows there are.
        rows: usize,
        /// The fewest that are enough.
        needed: usize,
    },
    /// A score of sets that these answers do not have.
    #[error("sets by `{score}` need probabilities of labels that exclude each other: leave it out")]
    NoSetScore {
        /// The score.
        score: SetScore,
    },
    /// Coverage of each label, where the truth is a number.
    #[error("coverage of each label was asked for, and there are no labels: ask for that of all rows")]
    NoClasses,
    /// Label sets of a task without labels.
    #[error("no labels to score: label sets need at least one label")]
    NoLabels,
    /// Two inputs that must have the same labels differ in their number.
    #[error("gold has {gold} labels but {other} has {found}: both must have the labels of the task, in the same order")]
    LabelCount {
        /// Labels of gold.
        gold: usize,
        /// The input that disagrees.
        other: &'static str,
        /// Its labels.
        found: usize,
    },
    /// A label index lies outside the labels of the task.
    #[error("row {row}: label {label} does not exist, the task has {labels} labels (0 to {})", labels.saturating_sub(1))]
    LabelOutOfRange {
        /// Zero-based row.
        row: usize,
        /// The index found.
        label: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A row-major `[rows, labels]` ends within a row.
    #[error("row {row} has {found} values, expected {labels} (one per label): give whole rows, one behind the other")]
    IncompleteRow {
        /// Zero-based row: the last one.
        row: usize,
        /// Number of labels.
        labels: usize,
        /// Values found in it.
        found: usize,
    },
    /// Probabilities that do not fit the label sets beside them.
    #[error("{found} probabilities for {rows} rows of {labels} labels, expected {}: give one per row and label",
            rows * labels)]
    ProbabilityCount {
        /// Number of rows.
        rows: usize,
        /// Number of labels.
        labels: usize,
        /// Probabilities found.
        found: usize,
    },
    /// A number that cannot be scored.
    #[error(
        "row {row} of {input}: {value} is not a number that can be scored (expected a finite one from -1e100 to \
             1e100): remove the row or mend its value"
    )]
    InvalidNumber {
        /// The input that has it.
        input: &'static str,
        /// Zero-based row.
        row: usize,
        /// The number found.
        value: f64,
    },
    /// A majority class that the task does not have.
    #[error("majority class {class} does not exist, the task has {classes} classes")]
    UnknownMajority {
        /// The index found.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// The counts of a confusion matrix are not `[classes, classes]`.
    #[error("confusion matrix is not square: row {row} has {found} columns, expected {expected} (one per class)")]
    NotSquare {
        /// Zero-based row of the matrix.
        row: usize,
        /// Columns found in it.
        found: usize,
        /// Columns expected: the number of rows.
        expected: usize,
    },
    /// Something that must be a probability is not.
    #[error("row {row}: {value} is not a probability (expected a finite number from 0 to 1)")]
    InvalidProbability {
        /// Zero-based row.
        row: usize,
        /// The number found.
        value: f64,
    },
    /// The probabilities of one row do not sum to one.
    #[error("row {row}: the probabilities sum to {sum}, expected 1: give probabilities, not logits")]
    NotNormalised {
        /// Zero-based row.
        row: usize,
        /// The sum found.
        sum: f64,
    },
    /// The confidence level of an interval lies outside (0, 1).
    #[error("confidence level {0} is not between 0 and 1 (exclusive), for example 0.95")]
    InvalidLevel(f64),
    /// A bootstrap without resamples.
    #[error("a bootstrap needs at least one resample, found 0")]
    NoResamples,
    /// Fewer than two folds.
    #[error("cross-validation needs at least 2 folds, found {0}")]
    TooFewFolds(usize),
    /// More folds than rows: some fold would be empty.
    #[error("{rows} rows cannot be dealt into {folds} folds without an empty one: use at most {rows} folds")]
    TooFewRows {
        /// Rows given.
        rows: usize,
        /// Folds asked for.
        folds: usize,
    },
    /// Two inputs that must have one entry per sentence differ in length.
    #[error("gold has {gold} sentences but {other} has {found}: both must hold the same sentences in the same order")]
    SentenceCount {
        /// Sentences of gold.
        gold: usize,
        /// The input that disagrees.
        other: &'static str,
        /// Its sentences.
        found: usize,
    },
    /// Two inputs that must have one tag per word differ in the length of a sentence.
    #[error(
        "sentence {sentence} (the first is 0): gold has {gold} tags but {other} has {found}: both must have one \
             tag per word, O where nothing was predicted"
    )]
    SentenceLength {
        /// Zero-based sentence.
        sentence: usize,
        /// Its tags in gold.
        gold: usize,
        /// The input that disagrees.
        other: &'static str,
        /// Its tags in that input.
        found: usize,
    },
    /// There is no sentence to score.
    #[error("no sentences to score: a score needs at least one sentence with gold tags")]
    NoSentences,
    /// A gold entity without prediction that is neither in the gold tags nor after them.
    #[error("sentence {sentence} (the first is 0): the lost {} at words {} to {} (end excluded) is not an entity of \
             gold's {words} tags and does not lie after them either, of {sentences} sentences: give the gold tags of \
             every word that comes before it, with O where nothing was predicted",
            entity.entity_type, entity.start, entity.end)]
    MisplacedUncoveredEntity {
        /// Zero-based sentence.
        sentence: usize,
        /// The entity.
        entity: Entity,
        /// Gold tags that the sentence has, 0 for a sentence that does not exist.
        words: usize,
        /// Number of sentences.
        sentences: usize,
    },
}

/// The role of a class index, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassRole {
    /// The class that is right.
    Gold,
    /// The class that a predictor answered.
    Predicted,
}

impl fmt::Display for ClassRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gold => "gold",
            Self::Predicted => "predicted",
        })
    }
}
