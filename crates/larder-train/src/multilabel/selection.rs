//! The table of a multi-label head's selection.

use serde::{Deserialize, Serialize};

use super::settings::MultilabelMetric;
use crate::weight::ClassWeight;

/// One line of the table: one candidate, class weight and strength.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultilabelSelectionEntry {
    /// The candidate: a column's name, `mean (all 7)`, or `all 14 columns`.
    pub candidate: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The class weights.
    pub class_weight: ClassWeight,
    /// The strength, of all labels.
    pub c: f64,
    /// The metric on all held-out rows, under the best threshold that all labels share (0.5 on request).
    pub score: f64,
    /// Its standard error over the held-out rows.
    pub standard_error: f64,
    /// The mean over the labels of the area under the ROC curve on held-out rows, which needs no threshold; 0.5 is chance.
    pub auc: f64,
    /// Did all fits reach [`SELECTION_TOLERANCE`](crate::SELECTION_TOLERANCE)?
    pub converged: bool,
}

/// The choice, in words.
const RULE: &str = "chosen among the entries within one standard error of the best score: the one that ranks held-out rows \
                    best (AUC), of equals the most strongly regularised";

/// The whole selection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultilabelSelection {
    /// The metric of the choice.
    pub metric: MultilabelMetric,
    /// The parts of the rows that were held out in turn; of 1, a fifth was held out once.
    pub folds: usize,
    /// Everything that was scored, in the order it was tried.
    pub entries: Vec<MultilabelSelectionEntry>,
    /// Index of the chosen entry.
    pub chosen: usize,
    /// The rule of the choice, in words.
    pub rule: String,
}

impl MultilabelSelection {
    pub(super) fn new(metric: MultilabelMetric, folds: usize, entries: Vec<MultilabelSelectionEntry>) -> Self {
        let chosen = choose(&entries);
        Self { metric, folds, entries, chosen, rule: RULE.to_owned() }
    }

    /// The chosen entry.
    pub fn best(&self) -> &MultilabelSelectionEntry {
        &self.entries[self.chosen]
    }

    /// The entry with the best score of each candidate, in the order they were tried: the short table.
    pub fn best_by_candidate(&self) -> Vec<&MultilabelSelectionEntry> {
        let mut best: Vec<&MultilabelSelectionEntry> = Vec::new();
        for entry in &self.entries {
            match best.iter_mut().find(|other| other.candidate == entry.candidate) {
                Some(other) if entry.score > other.score => *other = entry,
                Some(_) => {}
                None => best.push(entry),
            }
        }
        best
    }
}

/// The entry that ranks best among those within one standard error of the best score (the first of several).
pub(super) fn choose(entries: &[MultilabelSelectionEntry]) -> usize {
    let mut best = 0;
    for (index, entry) in entries.iter().enumerate() {
        if entry.score > entries[best].score {
            best = index;
        }
    }
    let least = entries[best].score - entries[best].standard_error;
    let mut chosen = best;
    for (index, entry) in entries.iter().enumerate() {
        let other = &entries[chosen];
        if entry.score >= least && (entry.auc, entry.score) > (other.auc, other.score) {
            chosen = index;
        }
    }
    chosen
}

/// Returns true if `first` would be chosen before `second`, whatever the limit of [`choose`].
pub(super) fn dominates(first: &MultilabelSelectionEntry, second: &MultilabelSelectionEntry) -> bool {
    first.score >= second.score && first.auc >= second.auc
}
