//! The answers of one predictor, with the probabilities behind them.

use crate::error::MetricsError;
use crate::multilabel::LabelSets;
use crate::multilabel::label_sets::check_probabilities;

/// The label sets that a predictor answers, and the probability that it gives each label; both `[rows, labels]`.
///
/// The sets decide precision, recall and F1; the probabilities decide the ranking scores (LRAP and average precision),
/// which do not depend on thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct MultilabelAnswers {
    sets: LabelSets,
    /// Row-major `[rows, labels]`.
    probabilities: Vec<f64>,
}

impl MultilabelAnswers {
    /// Takes the answered sets and the probabilities, row-major `[rows, labels]`. The probabilities of one row need not
    /// sum to 1.
    ///
    /// # Errors
    /// [`MetricsError::ProbabilityCount`], or [`MetricsError::InvalidProbability`] with the row.
    pub fn new(sets: LabelSets, probabilities: Vec<f64>) -> Result<Self, MetricsError> {
        let (rows, labels) = (sets.rows(), sets.labels());
        if probabilities.len() != rows * labels {
            return Err(MetricsError::ProbabilityCount { rows, labels, found: probabilities.len() });
        }
        check_probabilities(&probabilities, labels)?;
        Ok(Self { sets, probabilities })
    }

    /// Answers every label whose probability is at or above its threshold, see [`LabelSets::from_thresholds`].
    ///
    /// # Errors
    /// Those of [`LabelSets::from_thresholds`].
    pub fn from_thresholds(probabilities: Vec<f64>, thresholds: &[f64]) -> Result<Self, MetricsError> {
        Ok(Self { sets: LabelSets::from_thresholds(&probabilities, thresholds)?, probabilities })
    }

    /// Returns the answered sets.
    pub fn sets(&self) -> &LabelSets {
        &self.sets
    }

    /// Returns the probabilities, row-major `[rows, labels]`.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_must_fit_the_sets() {
        let sets = LabelSets::new(vec![true, false, false, true], 2).unwrap();
        let error = MultilabelAnswers::new(sets.clone(), vec![0.5; 3]).unwrap_err();
        assert_eq!(error, MetricsError::ProbabilityCount { rows: 2, labels: 2, found: 3 });
        let error = MultilabelAnswers::new(sets.clone(), vec![0.5, 0.5, 0.5, 1.5]).unwrap_err();
        assert_eq!(error, MetricsError::InvalidProbability { row: 1, value: 1.5 });
        let probabilities = vec![0.9, 0.2, 0.4, 0.5];
        let made = MultilabelAnswers::from_thresholds(probabilities.clone(), &[0.5, 0.5]).unwrap();
        assert_eq!(made, MultilabelAnswers::new(sets, probabilities).unwrap());
    }
}
