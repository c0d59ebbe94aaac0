//! A classifier's scores and answers on one split.

use larder_metrics::{BaselineComparison, ClassificationScores, Interval, Metric};

use super::Part;

/// Scores on one split, with the baseline beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassSplit {
    /// Its classes' names: the run's labels, and behind them those that training never saw.
    pub labels: Vec<String>,
    /// The split.
    pub split: String,
    /// Accuracy, MCC, macro F1, per-class scores.
    pub scores: ClassificationScores,
    /// The interval of each metric that has one.
    pub intervals: Vec<(Metric, Interval)>,
    /// The scores of always giving train's most frequent answer.
    pub majority: ClassificationScores,
    /// That answer, as an index into the run's labels.
    pub majority_class: usize,
    /// Where accuracy and MCC stand beside it.
    pub against_majority: BaselineComparison,
    /// Rows by gold and by predicted class, `[classes, classes]`.
    pub confusion: Vec<Vec<u64>>,
    /// Mean log loss, in nats.
    pub log_loss: f64,
    /// Entropy of the split's class shares, in nats.
    pub prior_entropy: f64,
    /// The answers behind the scores.
    pub answers: Part<ClassAnswers>,
}

/// Answers, row by row. Classes are indices into the run's labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassAnswers {
    /// Ids, `[rows]`.
    pub example_ids: Vec<String>,
    /// Texts, `[rows]`.
    pub texts: Part<Vec<String>>,
    /// Gold classes, `[rows]`.
    pub gold: Vec<usize>,
    /// Classes answered, `[rows]`; not always the most probable ones, as thresholds are tuned.
    pub answers: Vec<usize>,
    /// Probabilities, row-major `[rows, classes]`.
    pub probabilities: Vec<f32>,
    /// Classes.
    pub classes: usize,
}

impl ClassAnswers {
    /// Rows.
    pub fn rows(&self) -> usize {
        self.gold.len()
    }

    /// The probability of `class` in `row`; 0 for one that is not there.
    pub fn probability(&self, row: usize, class: usize) -> f64 {
        let at = row * self.classes + class;
        self.probabilities.get(at).filter(|_| class < self.classes).map_or(0.0, |&p| f64::from(p))
    }
}
