//! The table of a ridge regression's selection.

use serde::{Deserialize, Serialize};

/// One line of the table: one candidate and penalty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RidgeSelectionEntry {
    /// The candidate: a column's name, `mean (all 7)`, or `all 14 columns`.
    pub candidate: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The penalty: `|y - Z w - b|² + alpha |w|²` is minimised.
    pub alpha: f64,
    /// The root of the mean squared leave-one-out residual, in the targets' unit, before answers are clipped.
    pub loo_rmse: f64,
    /// The correlation (Pearson) of the leave-one-out predictions with the targets; `None` where the predictions are constant.
    /// Under a penalty so strong that only the intercept is left it is -1: a row is then answered with the mean of the others.
    pub loo_pearson: Option<f64>,
}

/// The choice, in words.
const RULE: &str = "the smallest root mean squared error of leave-one-out predictions, of equals the strongest penalty";

/// The whole selection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RidgeSelection {
    /// Everything that was scored: candidate by candidate, penalties ascending.
    pub entries: Vec<RidgeSelectionEntry>,
    /// Index of the chosen entry.
    pub chosen: usize,
    /// The rule of the choice, in words.
    pub rule: String,
}

impl RidgeSelection {
    /// Chooses among entries, of which there is at least one. Why no standard error takes part, as it does in a classifier's
    /// choice, is in `docs/ridge.md`.
    pub(crate) fn new(entries: Vec<RidgeSelectionEntry>) -> Self {
        let mut chosen = 0;
        for (index, entry) in entries.iter().enumerate() {
            let best = &entries[chosen];
            let equal = entry.loo_rmse == best.loo_rmse;
            if entry.loo_rmse < best.loo_rmse || (equal && entry.alpha > best.alpha) {
                chosen = index;
            }
        }
        Self { entries, chosen, rule: RULE.to_owned() }
    }

    /// The chosen entry.
    pub fn best(&self) -> &RidgeSelectionEntry {
        &self.entries[self.chosen]
    }

    /// The best entry of each candidate, in the order they were tried: the short table.
    pub fn best_by_candidate(&self) -> Vec<&RidgeSelectionEntry> {
        let mut best: Vec<&RidgeSelectionEntry> = Vec::new();
        for entry in &self.entries {
            match best.iter_mut().find(|other| other.candidate == entry.candidate) {
                Some(other) if entry.loo_rmse < other.loo_rmse => *other = entry,
                Some(_) => {}
                None => best.push(entry),
            }
        }
        best
    }
}

/// Pearson's correlation; `None` where one side is constant.
pub(crate) fn pearson(first: &[f64], second: &[f64]) -> Option<f64> {
    let count = first.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (first_mean, second_mean) = (mean(first), mean(second));
    let (mut both, mut first_squares, mut second_squares) = (0.0, 0.0, 0.0);
    for (one, two) in first.iter().zip(second) {
        let (one, two) = (one - first_mean, two - second_mean);
        both += one * two;
        first_squares += one * one;
        second_squares += two * two;
    }
    let below = (first_squares * second_squares).sqrt();
    (below > 0.0).then(|| (both / below).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(candidate: &str, alpha: f64, loo_rmse: f64) -> RidgeSelectionEntry {
        let columns = vec![candidate.to_owned()];
        RidgeSelectionEntry { candidate: candidate.to_owned(), columns, alpha, loo_rmse, loo_pearson: None }
    }

    #[test]
    fn the_smallest_error_is_chosen_and_of_equals_the_strongest_penalty() {
        let entries = vec![entry("a", 1.0, 0.9), entry("a", 10.0, 0.5), entry("a", 100.0, 0.5), entry("b", 10.0, 0.6)];
        let selection = RidgeSelection::new(entries);
        assert_eq!((selection.chosen, selection.best().alpha), (2, 100.0));
        let short: Vec<f64> = selection.best_by_candidate().iter().map(|entry| entry.loo_rmse).collect();
        assert_eq!(short, [0.5, 0.6]);
    }

    #[test]
    fn the_correlation_is_pearsons() {
        // Deviations -1, 0, 1 and -2, 1, 1: 3 / sqrt(2 * 6).
        let found = pearson(&[1.0, 2.0, 3.0], &[0.0, 3.0, 3.0]).unwrap();
        assert!((found - 3.0 / 12.0f64.sqrt()).abs() < 1e-15, "{found}");
        assert_eq!(pearson(&[1.0, 1.0], &[0.0, 3.0]), None);
    }
}
