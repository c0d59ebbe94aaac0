//! The table of the choice of columns, neighbours and temperature.

use serde::{Deserialize, Serialize};

/// The choice, in words.
const RULE: &str =
    "the smallest log-loss of answers to rows that were left out, each in turn, from what it is compared with";

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilaritySelectionEntry {
    /// The candidate: a column's name, `mean (all 7)`, or `all 14 columns`.
    pub candidate: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// References that vote.
    pub neighbours: usize,
    /// `labels`: rows that the name of a class counts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_rows: Option<f64>,
    /// Large values let the nearest reference decide.
    pub temperature: f64,
    /// The mean log-loss of left-out rows, in nats.
    pub log_loss: f64,
    /// The standard error of that mean.
    pub standard_error: f64,
    /// The share of left-out rows that were answered rightly.
    pub accuracy: f64,
}

/// The whole selection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilaritySelection {
    /// Rows that were left out, each in turn.
    pub rows: usize,
    /// Everything that was scored.
    pub entries: Vec<SimilaritySelectionEntry>,
    /// Index of the chosen entry.
    pub chosen: usize,
    /// The rule of the choice, in words.
    pub rule: String,
}

impl SimilaritySelection {
    /// Chooses among entries, of which there is at least one; of equals the first.
    pub(super) fn new(rows: usize, entries: Vec<SimilaritySelectionEntry>) -> Self {
        let mut chosen = 0;
        for (index, entry) in entries.iter().enumerate() {
            if entry.log_loss < entries[chosen].log_loss {
                chosen = index;
            }
        }
        Self { rows, entries, chosen, rule: RULE.to_owned() }
    }

    /// The chosen entry.
    pub fn best(&self) -> &SimilaritySelectionEntry {
        &self.entries[self.chosen]
    }

    /// The best entry of each candidate, the chosen one first, then by log-loss; nothing if the chosen one is not there.
    pub fn best_by_candidate(&self) -> Vec<&SimilaritySelectionEntry> {
        let mut best: Vec<&SimilaritySelectionEntry> = Vec::new();
        for entry in &self.entries {
            match best.iter_mut().find(|other| other.candidate == entry.candidate) {
                Some(other) if entry.log_loss < other.log_loss => *other = entry,
                Some(_) => {}
                None => best.push(entry),
            }
        }
        best.sort_by(|a, b| a.log_loss.total_cmp(&b.log_loss));
        best
    }
}
