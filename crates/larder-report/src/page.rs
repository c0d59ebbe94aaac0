//! The data of a page.

use larder_diagnose::Diagnosis;
use larder_run::StageTime;
use larder_run::page::{Block, Cell, Fact, Missing, Plot, Training};

/// The data of the page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The runs, in the order asked for.
    pub(crate) runs: Vec<RunPage>,
    /// The runs of one data set compared, in words: a line a pair and split.
    pub(crate) comparisons: Vec<String>,
    /// The version of larder.
    pub(crate) version: &'static str,
}

/// The data of a page of answers that nobody has judged.
#[derive(Debug)]
pub(crate) struct FoundPage {
    /// Its title.
    pub(crate) title: String,
    /// The run and its input.
    pub(crate) facts: Vec<Fact>,
    /// What was found.
    pub(crate) blocks: Vec<Block>,
    /// The version of larder.
    pub(crate) version: &'static str,
}

/// The data of one run.
#[derive(Debug)]
pub(crate) struct RunPage {
    pub(crate) name: String,
    pub(crate) dataset: String,
    pub(crate) encoder: String,
    /// The kind of head: `logistic`, `mlp`, `crf`, `fine-tuned`.
    pub(crate) head: String,
    /// The most important facts.
    pub(crate) facts: Vec<Fact>,
    /// Every setting that its numbers depend on.
    pub(crate) settings: Vec<Fact>,
    /// Remarks beside its scores: rows left out, labels never seen, splits without labels, files that have changed.
    pub(crate) remarks: Vec<String>,
    pub(crate) findings: Result<Vec<Diagnosis>, Missing>,
    /// The score by number of training rows.
    pub(crate) learning_curve: Option<Plot>,
    /// The training of its head, or of encoder and head.
    pub(crate) training: Training,
    pub(crate) scores: Result<Scores, Missing>,
    /// The projected features of the first split.
    pub(crate) embedding: Result<Embedding, Missing>,
    /// Lengths of texts, one entry per split.
    pub(crate) lengths: Result<Vec<Lengths>, Missing>,
    /// The time of each stage.
    pub(crate) stages: Vec<StageTime>,
}

/// A run's scores.
#[derive(Debug)]
pub(crate) struct Scores {
    /// The table header of all splits, after run and split.
    pub(crate) header: &'static [&'static str],
    /// The splits, in the order they were evaluated.
    pub(crate) splits: Vec<SplitScores>,
}

/// The scores of one split.
#[derive(Debug)]
pub(crate) struct SplitScores {
    pub(crate) split: String,
    /// Its row in the table of all splits, `[header]`.
    pub(crate) overview: Vec<Cell>,
    /// Everything about the split.
    pub(crate) blocks: Vec<Block>,
}

/// Some rows of a split, projected on their first two principal components.
#[derive(Debug, Default)]
pub(crate) struct Embedding {
    pub(crate) split: String,
    /// The feature columns projected.
    pub(crate) columns: Vec<String>,
    /// The unit of a row: `text` or `word`.
    pub(crate) unit: String,
    /// The groups that points are coloured by: classes, or entity types.
    pub(crate) groups: Vec<String>,
    pub(crate) points: Vec<Point>,
    /// A sentence about the sampling; empty if all rows are shown.
    pub(crate) sampling: String,
    /// The share of variance of each axis.
    pub(crate) explained: [f64; 2],
}

/// A point of the scatter plot.
#[derive(Debug, Default)]
pub(crate) struct Point {
    /// First component.
    pub(crate) x: f64,
    /// Second component.
    pub(crate) y: f64,
    /// Index of the gold group.
    pub(crate) gold: usize,
    /// Index of the answered group.
    pub(crate) answer: usize,
    /// The text, or the word among its neighbours.
    pub(crate) text: String,
}

/// Lengths of a split's texts.
#[derive(Debug, Default)]
pub(crate) struct Lengths {
    pub(crate) split: String,
    /// Tokens of each text, special tokens included, `[rows]`.
    pub(crate) tokens: Vec<u32>,
    /// Number of texts that were truncated.
    pub(crate) truncated: usize,
    /// Number of texts that were read in windows.
    pub(crate) in_windows: usize,
    /// The share of padding in larder's batches.
    pub(crate) padding_in_batches: f64,
    /// The share with every text padded to the split's longest.
    pub(crate) padding_to_longest: f64,
    /// The share with every text padded to the encoder's maximum.
    pub(crate) padding_to_most: f64,
    /// The encoder's maximum, in tokens.
    pub(crate) most: usize,
}
