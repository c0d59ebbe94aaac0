//! The table of a tagging head's selection.

use serde::{Deserialize, Serialize};

use super::scores::TaggingScores;
use crate::threshold::TuningGain;
use crate::weight::ClassWeight;

/// One line of the table: one set of columns, class weight and strength.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggingSelectionEntry {
    /// The candidate: a column's name, or `all 4 columns`.
    pub candidate: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The class weights of the fit.
    pub class_weight: ClassWeight,
    /// The strength.
    pub c: f64,
    /// Strict scores on the held-out sentences, all of them together; where a bias is added, each part of them is decoded with
    /// the one that is best on the other parts.
    pub scores: TaggingScores,
    /// The bias added to the score of `O`: the best on all held-out sentences if it gains more than one standard error, else 0.
    pub outside_bias: f64,
    /// The gain from tuning the bias; `None` where it is not tuned.
    #[serde(default)]
    pub bias_gain: Option<TuningGain>,
    /// Strict scores with nothing added.
    pub unbiased_scores: TaggingScores,
    /// Did all folds' fits reach [`TAGGING_SELECTION_TOLERANCE`](crate::TAGGING_SELECTION_TOLERANCE)?
    pub converged: bool,
}

/// The whole selection, by strict micro F1 on held-out training sentences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggingSelection {
    /// 1: one fifth of the sentences was held out, once; else each part of that many was, in turn.
    pub folds: usize,
    /// Sentences that took part; all with words, or the sample that fitted into memory.
    pub sentences: usize,
    /// Sentences that were held out.
    pub held_out: usize,
    /// Everything that was scored, in the order it was tried.
    pub entries: Vec<TaggingSelectionEntry>,
    /// Index of the chosen entry: the highest F1 (the first of several, which is the more strongly regularised).
    pub chosen: usize,
    /// The rule of the choice, in words.
    #[serde(default)]
    pub rule: String,
}

/// The choice, in words.
const RULE: &str = "chosen: the highest strict F1 on held-out sentences, of equals the most strongly regularised";

/// When a tuned bias is taken, in words.
const BIAS_RULE: &str = "outside bias 0, tuned only where that gains more than one standard error on the held-out sentences; F1 \
                         with it is that of each fifth of them decoded with what is best on the others";

impl TaggingSelection {
    pub(crate) fn new(
        folds: usize,
        sentences: usize,
        held_out: usize,
        entries: Vec<TaggingSelectionEntry>,
        chosen: usize,
    ) -> Self {
        let tunes = entries.iter().any(|entry| entry.bias_gain.is_some());
        let rule = if tunes { format!("{RULE}; {BIAS_RULE}") } else { RULE.to_owned() };
        Self { folds, sentences, held_out, entries, chosen, rule }
    }

    /// The chosen entry.
    pub fn best(&self) -> &TaggingSelectionEntry {
        &self.entries[self.chosen]
    }

    /// The best entry of each candidate, in the order they were tried: the short table.
    pub fn best_by_candidate(&self) -> Vec<&TaggingSelectionEntry> {
        let mut best: Vec<&TaggingSelectionEntry> = Vec::new();
        for entry in &self.entries {
            match best.iter_mut().find(|other| other.candidate == entry.candidate) {
                Some(other) if entry.scores.f1 > other.scores.f1 => *other = entry,
                Some(_) => {}
                None => best.push(entry),
            }
        }
        best
    }
}

/// The entry with the highest F1, the first of several.
pub(crate) fn choose(entries: &[TaggingSelectionEntry]) -> usize {
    let mut best = 0;
    for (index, entry) in entries.iter().enumerate() {
        if entry.scores.f1 > entries[best].scores.f1 {
            best = index;
        }
    }
    best
}
