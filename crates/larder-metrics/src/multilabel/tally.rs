//! The counts that every score of label sets is made from.

use crate::classification::Margins;
use crate::entities::AverageScores;

/// Sums over some rows; those of a resample count a row as often as it was drawn.
pub(crate) struct LabelTally {
    /// Per label: rows that have it, that were answered with it, and both; each `[labels]`.
    pub(crate) labels: Margins,
    pub(crate) rows: u64,
    /// Rows whose answered set is the gold set.
    pub(crate) exact_rows: u64,
    /// Sum of the rows' label ranking average precision.
    pub(crate) lrap: f64,
}

impl LabelTally {
    pub(crate) fn new(labels: usize) -> Self {
        Self { labels: Margins::new(labels), rows: 0, exact_rows: 0, lrap: 0.0 }
    }

    pub(crate) fn clear(&mut self) {
        self.labels.clear();
        (self.rows, self.exact_rows, self.lrap) = (0, 0, 0.0);
    }

    pub(crate) fn label_count(&self) -> usize {
        self.labels.gold.len()
    }

    pub(crate) fn subset_accuracy(&self) -> f64 {
        share(self.exact_rows as f64, self.rows)
    }

    pub(crate) fn mean_lrap(&self) -> f64 {
        share(self.lrap, self.rows)
    }

    /// Share of the `[rows, labels]` booleans that differ.
    pub(crate) fn hamming_loss(&self) -> f64 {
        let wrong = self.totals().wrong();
        share(wrong as f64, self.rows * self.label_count() as u64)
    }

    pub(crate) fn micro_f1(&self) -> f64 {
        self.totals().f1()
    }

    /// Mean over all labels, as scikit-learn's: a label that does not occur has 0.
    pub(crate) fn macro_f1(&self) -> f64 {
        self.mean(|label| self.labels.f1(label))
    }

    pub(crate) fn weighted_f1(&self) -> f64 {
        self.labels.weighted_f1()
    }

    pub(crate) fn micro(&self) -> AverageScores {
        let Totals { gold, predicted, correct } = self.totals();
        AverageScores {
            precision: share(correct as f64, predicted),
            recall: share(correct as f64, gold),
            f1: self.micro_f1(),
            support: gold,
        }
    }

    pub(crate) fn macro_avg(&self) -> AverageScores {
        AverageScores {
            precision: self.mean(|label| self.labels.precision(label)),
            recall: self.mean(|label| self.labels.recall(label)),
            f1: self.macro_f1(),
            support: self.totals().gold,
        }
    }

    pub(crate) fn weighted(&self) -> AverageScores {
        let support = self.totals().gold;
        let weighted = |score: &dyn Fn(usize) -> f64| {
            let sum: f64 = (0..self.label_count()).map(|label| self.labels.gold[label] as f64 * score(label)).sum();
            share(sum, support)
        };
        AverageScores {
            precision: weighted(&|label| self.labels.precision(label)),
            recall: weighted(&|label| self.labels.recall(label)),
            f1: self.weighted_f1(),
            support,
        }
    }

    fn mean(&self, score: impl Fn(usize) -> f64) -> f64 {
        (0..self.label_count()).map(score).sum::<f64>() / self.label_count() as f64
    }

    fn totals(&self) -> Totals {
        let Margins { gold, predicted, correct } = &self.labels;
        Totals { gold: gold.iter().sum(), predicted: predicted.iter().sum(), correct: correct.iter().sum() }
    }
}

/// All labels together.
struct Totals {
    gold: u64,
    predicted: u64,
    correct: u64,
}

impl Totals {
    fn f1(&self) -> f64 {
        share(2.0 * self.correct as f64, self.gold + self.predicted)
    }

    fn wrong(&self) -> u64 {
        self.gold + self.predicted - 2 * self.correct
    }
}

/// 0 where there is nothing below the line.
fn share(part: f64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part / whole as f64 }
}
