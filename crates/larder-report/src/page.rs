//! What a page tells, as plain data.

use larder_diagnose::Diagnosis;
use larder_run::StageTime;
use larder_run::page::{Block, Cell, Fact, Missing, Plot, Training};

/// Everything that the page tells.
#[derive(Debug)]
pub(crate) struct Page {
    /// The runs, in the order asked for.
    pub(crate) runs: Vec<RunPage>,
    /// The version of larder that makes it.
    pub(crate) version: &'static str,
}

/// One run.
#[derive(Debug)]
pub(crate) struct RunPage {
    pub(crate) name: String,
    pub(crate) dataset: String,
    pub(crate) encoder: String,
    /// The kind of head: `logistic`, `mlp`, `crf`, `fine-tuned`.
    pub(crate) head: String,
    /// What it is made of and with, the most important first.
    pub(crate) facts: Vec<Fact>,
    /// Everything that its numbers depend on.
    pub(crate) settings: Vec<Fact>,
    /// What must be said beside its scores: rows left out, labels never seen, splits without labels, files that have changed.
    pub(crate) remarks: Vec<String>,
    pub(crate) findings: Result<Vec<Diagnosis>, Missing>,
    /// The score by rows of train.
    pub(crate) learning_curve: Option<Plot>,
    /// How its head, or the encoder too, was trained.
    pub(crate) training: Training,
    pub(crate) scores: Result<Scores, Missing>,
    /// Vectors of the first split.
    pub(crate) embedding: Result<Embedding, Missing>,
    /// Lengths of the texts, one entry a split.
    pub(crate) lengths: Result<Vec<Lengths>, Missing>,
    /// How long its stages took.
    pub(crate) stages: Vec<StageTime>,
}

/// A run's scores.
#[derive(Debug)]
pub(crate) struct Scores {
    /// The columns of the table of all splits, behind the run and the split.
    pub(crate) header: &'static [&'static str],
    /// The splits, in the order they were judged.
    pub(crate) splits: Vec<SplitScores>,
}

/// One split's scores.
#[derive(Debug)]
pub(crate) struct SplitScores {
    pub(crate) split: String,
    /// Its row in the table of all splits, `[header]`.
    pub(crate) overview: Vec<Cell>,
    /// Everything about it.
    pub(crate) blocks: Vec<Block>,
}

/// Some rows of a split on the plane of their first two principal components.
#[derive(Debug, Default)]
pub(crate) struct Embedding {
    pub(crate) split: String,
    /// The names of the columns that the vectors are of.
    pub(crate) columns: Vec<String>,
    /// One row in a word: `text` or `word`.
    pub(crate) unit: String,
    /// The groups that points are coloured by: classes, or entity types.
    pub(crate) groups: Vec<String>,
    pub(crate) points: Vec<Point>,
    /// How they were sampled, in a sentence; empty where they were not.
    pub(crate) sampling: String,
    /// Share of the points' variance along each axis.
    pub(crate) explained: [f64; 2],
}

/// One row.
#[derive(Debug, Default)]
pub(crate) struct Point {
    /// First component.
    pub(crate) x: f64,
    /// Second component.
    pub(crate) y: f64,
    /// Gold group, as an index into the groups.
    pub(crate) gold: usize,
    /// Group answered.
    pub(crate) answer: usize,
    /// What it stands for: the text, or the word among its neighbours.
    pub(crate) text: String,
}

/// Lengths of a split's texts.
#[derive(Debug, Default)]
pub(crate) struct Lengths {
    pub(crate) split: String,
    /// Tokens of each text, special tokens included, `[rows]`.
    pub(crate) tokens: Vec<u32>,
    /// Texts that were cut.
    pub(crate) truncated: usize,
    /// Share of the tokens of larder's batches that are padding.
    pub(crate) padding_in_batches: f64,
    /// The same with every text padded to the split's longest.
    pub(crate) padding_to_longest: f64,
    /// The same with every text padded to as many tokens as the encoder reads.
    pub(crate) padding_to_most: f64,
    /// As many tokens as the encoder reads.
    pub(crate) most: usize,
}
