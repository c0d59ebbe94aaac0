//! The table of a selection, and which of its lines is chosen.

use larder_metrics::Metric;
use serde::{Deserialize, Serialize};

use crate::threshold::{TUNING_RULE, TuningGain};
use crate::weight::ClassWeight;

/// One line of the selection table: one candidate, class weight and strength.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelectionEntry {
    /// The candidate: a column's name, `mean (all 7)`, or `all 14 columns`.
    pub candidate: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The class weights.
    pub class_weight: ClassWeight,
    /// The strength.
    pub c: f64,
    /// The metric on each fold `[folds]`, where the threshold is tuned with the one that is best on the other folds.
    pub fold_scores: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (of a sample: divided by `folds - 1`).
    pub standard_deviation: f64,
    /// The area under the ROC curve of the out-of-fold probabilities, which needs no threshold; for
    /// more than two classes the mean over "one class against the rest". 0.5 is chance.
    pub auc: f64,
    /// The mean log-loss of the out-of-fold probabilities in nats, rows weighted as in the fits. `None` in records of earlier versions.
    #[serde(default)]
    pub log_loss: Option<f64>,
    /// The gain from tuning the threshold, which stays at 0.5 unless the gain exceeds one standard error. `None` where it is not
    /// tuned: for more than two classes, or on request.
    #[serde(default)]
    pub threshold_gain: Option<TuningGain>,
    /// Did all folds' fits reach [`SELECTION_TOLERANCE`](crate::SELECTION_TOLERANCE)?
    pub converged: bool,
}

impl SelectionEntry {
    /// Standard error of the mean over the folds.
    pub fn standard_error(&self) -> f64 {
        self.standard_deviation / (self.fold_scores.len().max(1) as f64).sqrt()
    }

    /// Is the threshold tuned, and other than 0.5?
    pub fn has_tuned_threshold(&self) -> bool {
        self.threshold_gain.is_some_and(|gain| gain.is_taken())
    }
}

/// Rows of train below which columns are not chosen, and strengths are chosen by log-loss: scores of so few held-out rows are noise.
pub const FEW_ROWS: usize = 500;

/// How one of the entries is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChoiceRule {
    /// Among the entries within one standard error of the best mean, the one that ranks best.
    Ranking,
    /// The smallest log-loss: of fewer than [`FEW_ROWS`] rows.
    LogLoss,
}

impl ChoiceRule {
    /// The rule for a number of rows.
    pub(crate) fn of_rows(rows: usize) -> Self {
        if rows < FEW_ROWS { Self::LogLoss } else { Self::Ranking }
    }

    /// The rule, in words.
    fn in_words(self) -> String {
        match self {
            Self::Ranking => {
                "chosen among the entries within one standard error of the best mean: the one that ranks held-out \
                              rows best (AUC), of equals the most strongly regularised"
                    .to_owned()
            }
            Self::LogLoss => format!(
                "fewer than {FEW_ROWS} rows: all columns are taken side by side; chosen is the strength with the smallest \
                 log-loss on held-out rows"
            ),
        }
    }

    /// The chosen entry (the first of several that are equally good).
    pub(crate) fn choose(self, entries: &[SelectionEntry]) -> usize {
        match self {
            Self::Ranking => choose_by_ranking(entries),
            Self::LogLoss => {
                let loss = |entry: &SelectionEntry| entry.log_loss.unwrap_or(f64::INFINITY);
                let mut best = 0;
                for (index, entry) in entries.iter().enumerate() {
                    if loss(entry) < loss(&entries[best]) {
                        best = index;
                    }
                }
                best
            }
        }
    }

    /// Returns true if `first` would be chosen before `second`, whatever other entries there are.
    pub(crate) fn dominates(self, first: &SelectionEntry, second: &SelectionEntry) -> bool {
        match self {
            Self::Ranking => first.mean >= second.mean && first.auc >= second.auc,
            Self::LogLoss => first.log_loss <= second.log_loss,
        }
    }
}

/// The whole selection.
///
/// Chosen is, among the entries whose mean is within one standard error of the best, the one that ranks best
/// ([`SelectionEntry::auc`]): scores that depend on a threshold are noisy, and between entries that they cannot tell
/// apart the ranking can. Of fewer than [`FEW_ROWS`] rows, the one with the smallest [`SelectionEntry::log_loss`]. See
/// `docs/selection.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The metric of the choice.
    pub metric: Metric,
    /// Folds that were used.
    pub folds: usize,
    /// Everything that was scored, in the order it was tried.
    pub entries: Vec<SelectionEntry>,
    /// Index of the chosen entry.
    pub chosen: usize,
    /// The rule of the choice, in words.
    #[serde(default)]
    pub rule: String,
}

impl Selection {
    pub(crate) fn new(
        metric: Metric,
        folds: usize,
        entries: Vec<SelectionEntry>,
        chosen: usize,
        rule: ChoiceRule,
    ) -> Self {
        let tunes = entries.iter().any(|entry| entry.threshold_gain.is_some());
        let rule = rule.in_words();
        let rule = if tunes { format!("{rule}; threshold 0.5, {TUNING_RULE}") } else { rule };
        Self { metric, folds, entries, chosen, rule }
    }

    /// The chosen entry.
    pub fn best(&self) -> &SelectionEntry {
        &self.entries[self.chosen]
    }

    /// The best entry of each candidate, in the order they were tried: the short table.
    pub fn best_by_candidate(&self) -> Vec<&SelectionEntry> {
        let mut best: Vec<&SelectionEntry> = Vec::new();
        for entry in &self.entries {
            match best.iter_mut().find(|other| other.candidate == entry.candidate) {
                Some(other) if entry.mean > other.mean => *other = entry,
                Some(_) => {}
                None => best.push(entry),
            }
        }
        best
    }
}

/// The entry that ranks best among those within one standard error of the best mean (the first of several).
fn choose_by_ranking(entries: &[SelectionEntry]) -> usize {
    let mut best = 0;
    for (index, entry) in entries.iter().enumerate() {
        if entry.mean > entries[best].mean {
            best = index;
        }
    }
    let least = entries[best].mean - entries[best].standard_error();
    let mut chosen = best;
    for (index, entry) in entries.iter().enumerate() {
        let other = &entries[chosen];
        if entry.mean >= least && (entry.auc, entry.mean) > (other.auc, other.mean) {
            chosen = index;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mean: f64, auc: f64) -> SelectionEntry {
        SelectionEntry {
            candidate: "mean".to_owned(),
            columns: vec!["mean".to_owned()],
            class_weight: ClassWeight::None,
            c: 1.0,
            fold_scores: vec![mean; 4],
            mean,
            standard_deviation: 0.04,
            auc,
            log_loss: None,
            threshold_gain: None,
            converged: true,
        }
    }

    #[test]
    fn of_few_rows_the_smallest_loss_is_chosen_whatever_the_score() {
        let entry = |mean, log_loss| SelectionEntry { log_loss: Some(log_loss), ..entry(mean, mean) };
        let entries = [entry(0.9, 0.7), entry(0.2, 0.4), entry(0.8, 0.4)];
        assert_eq!(ChoiceRule::LogLoss.choose(&entries), 1);
        assert!(ChoiceRule::LogLoss.dominates(&entries[1], &entries[0]));
        assert!(!ChoiceRule::LogLoss.dominates(&entries[0], &entries[1]));
        assert_eq!(
            (ChoiceRule::of_rows(FEW_ROWS - 1), ChoiceRule::of_rows(FEW_ROWS)),
            (ChoiceRule::LogLoss, ChoiceRule::Ranking)
        );
    }

    #[test]
    fn near_ties_go_to_the_better_ranking_and_clear_differences_to_the_score() {
        // One standard error is 0.04 / √4 = 0.02.
        assert_eq!(ChoiceRule::Ranking.choose(&[entry(0.20, 0.60), entry(0.19, 0.63), entry(0.17, 0.70)]), 1);
        assert_eq!(ChoiceRule::Ranking.choose(&[entry(0.20, 0.60), entry(0.15, 0.70)]), 0);
        assert_eq!(ChoiceRule::Ranking.choose(&[entry(0.20, 0.60), entry(0.20, 0.60)]), 0);
    }

    #[test]
    fn the_chosen_entry_is_never_dominated_by_an_unequal_one() {
        let entries: Vec<SelectionEntry> =
            (0..40).map(|at| entry((at * 7 % 13) as f64 / 100.0, (at * 5 % 11) as f64 / 100.0)).collect();
        for count in 1..entries.len() {
            let entries = &entries[..count];
            let chosen = ChoiceRule::Ranking.choose(entries);
            for (index, other) in entries.iter().enumerate() {
                let equal = (other.mean, other.auc) == (entries[chosen].mean, entries[chosen].auc);
                assert!(
                    index == chosen
                        || !ChoiceRule::Ranking.dominates(other, &entries[chosen])
                        || (equal && index > chosen)
                );
            }
        }
    }
}
