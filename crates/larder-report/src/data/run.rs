//! One run, and the page of several.

use super::{ClassSplit, Embedding, EntitySplit, Part, Plot};

/// Everything that the page tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The runs, in the order asked for.
    pub runs: Vec<Run>,
    /// The version of larder that makes it.
    pub version: String,
}

/// One run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// The dataset.
    pub dataset: String,
    /// The encoder.
    pub encoder: String,
    /// The kind of head: `logistic`, `mlp`, `crf`, `fine-tuned`.
    pub head: String,
    /// What it is made of and with, the most important first.
    pub facts: Vec<Fact>,
    /// Everything that its numbers depend on.
    pub settings: Vec<Fact>,
    /// Labels for people, in the order of the classes; of taggers none.
    pub labels: Vec<String>,
    /// What must be said beside its scores: rows left out, labels never seen, splits without labels, files that have changed.
    pub remarks: Vec<String>,
    /// What stands out.
    pub findings: Part<Vec<Finding>>,
    /// The score by rows of train.
    pub learning_curve: Option<Plot>,
    /// How its head, or the encoder too, was trained.
    pub training: Training,
    /// Scores on each split.
    pub scores: Part<Scores>,
    /// Vectors of the first split.
    pub embedding: Part<Embedding>,
    /// Lengths of the texts, one entry a split.
    pub lengths: Part<Vec<Lengths>>,
    /// How long its stages took.
    pub stages: Vec<StageSeconds>,
}

/// A name and what it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// The value, as a flag or a file spells it.
    pub value: String,
}

/// Something that stands out, with its evidence and what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// The split that it is about, if it is about one.
    pub split: Option<String>,
    /// What is the matter, in one clause.
    pub finding: String,
    /// The numbers that show it.
    pub evidence: String,
    /// What to try, with the flag that does it.
    pub remedy: String,
    /// The rows that show it.
    pub rows: Vec<FindingRow>,
}

/// A row of the data that shows a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingRow {
    /// Its split.
    pub split: String,
    /// Its id.
    pub example_id: String,
    /// Its text.
    pub text: String,
    /// What it shows.
    pub note: String,
}

/// How a run was trained.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Training {
    /// What happened, in sentences.
    pub sentences: Vec<String>,
    /// Curves: losses, scores, learning rates.
    pub plots: Part<Vec<Plot>>,
    /// What was chosen among, the best first; empty where nothing was chosen.
    pub candidates: Vec<Candidate>,
    /// What candidates were scored by: `mcc, mean of 5 folds`.
    pub candidate_score: String,
    /// How one of them was chosen, in words.
    pub rule: String,
}

/// Features that a head could have read, with the best settings for them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidate {
    /// The features: a column's name, `mean (all 7)`.
    pub name: String,
    /// The settings that were best for it.
    pub settings: String,
    /// Its score on rows of train that its fits had not seen.
    pub score: f64,
    /// Standard error of that score, where there were several folds.
    pub standard_error: Option<f64>,
    /// Whether it was taken.
    pub chosen: bool,
}

/// A run's scores, by what it predicts.
#[derive(Debug, Clone, PartialEq)]
pub enum Scores {
    /// One label a text.
    Classes(Vec<ClassSplit>),
    /// One tag a word.
    Entities(Vec<EntitySplit>),
}

impl Default for Scores {
    fn default() -> Self {
        Self::Classes(Vec::new())
    }
}

/// Lengths of a split's texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lengths {
    /// The split.
    pub split: String,
    /// Tokens of each text, special tokens included, `[rows]`.
    pub tokens: Vec<u32>,
    /// Texts that were cut.
    pub truncated: usize,
    /// Share of the tokens of larder's batches that are padding.
    pub padding_in_batches: f64,
    /// The same with every text padded to the split's longest.
    pub padding_to_longest: f64,
    /// The same with every text padded to as many tokens as the encoder reads.
    pub padding_to_most: f64,
    /// As many tokens as the encoder reads.
    pub most: usize,
}

/// How long a stage took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageSeconds {
    /// The stage: `encode`.
    pub stage: String,
    /// The split.
    pub split: String,
    /// Rows.
    pub rows: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device that ran, or that nothing had to be done.
    pub note: String,
}
