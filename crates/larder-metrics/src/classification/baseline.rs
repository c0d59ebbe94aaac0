//! Baselines that need no model: the constant answer and the biased coin.

use serde::{Deserialize, Serialize};

use crate::classification::confusion::check_classes;
use crate::classification::{ClassificationScores, ConfusionMatrix};
use crate::error::{ClassRole, MetricsError};

/// Scores of always answering the most frequent class of *train*.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MajorityBaseline {
    /// The constant answer.
    pub class: usize,
    /// Its scores on this split.
    pub scores: ClassificationScores,
}

/// Rows of each class in `gold` (`[rows]`), as `[classes]`.
///
/// # Errors
/// [`MetricsError::ClassOutOfRange`] with the row.
pub fn class_counts(gold: &[usize], classes: usize) -> Result<Vec<u64>, MetricsError> {
    check_classes(gold, ClassRole::Gold, classes)?;
    let mut counts = vec![0; classes];
    for &class in gold {
        counts[class] += 1;
    }
    Ok(counts)
}

/// Returns the class with the highest count, of `counts` `[classes]`; the lowest index of several, `None` when all are
/// 0.
pub fn majority_class(counts: &[u64]) -> Option<usize> {
    let highest = counts.iter().copied().max().filter(|&count| count > 0)?;
    counts.iter().position(|&count| count == highest)
}

/// Scores on `gold` (`[rows]`) of always answering `class`, which must be the majority class *of train* (see
/// [`majority_class`]): the majority of the split itself is not known to anybody who predicts.
///
/// # Errors
/// [`MetricsError::UnknownMajority`], and those of [`ConfusionMatrix::from_classes`].
pub fn majority_baseline(class: usize, gold: &[usize], classes: usize) -> Result<MajorityBaseline, MetricsError> {
    if class >= classes {
        return Err(MetricsError::UnknownMajority { class, classes });
    }
    let matrix = ConfusionMatrix::from_classes(gold, &vec![class; gold.len()], classes)?;
    Ok(MajorityBaseline { class, scores: ClassificationScores::from(&matrix) })
}

/// Computes the expected accuracy of answering at random with train's class shares: `Σ trainₖ·goldₖ`, shares of the two
/// counts `[classes]`. 0 when either has no rows. (Its expected MCC is 0.)
pub fn stratified_chance_accuracy(train_counts: &[u64], gold_counts: &[u64]) -> f64 {
    let rows = |counts: &[u64]| counts.iter().map(|&count| count as f64).sum::<f64>();
    let agreeing: f64 = train_counts.iter().zip(gold_counts).map(|(&train, &gold)| train as f64 * gold as f64).sum();
    if agreeing == 0.0 { 0.0 } else { agreeing / (rows(train_counts) * rows(gold_counts)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_is_trains_and_ties_go_to_the_lower_index() {
        assert_eq!(majority_class(&[3, 7, 7]), Some(1));
        assert_eq!(majority_class(&[0, 0]), None);
        assert_eq!(majority_class(&[]), None);
        // Train's majority is 1 although this split has more of 0.
        let baseline = majority_baseline(1, &[0, 0, 1], 2).unwrap();
        assert!((baseline.scores.accuracy - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(baseline.scores.mcc, 0.0);
        assert!((baseline.scores.macro_f1 - 0.25).abs() < 1e-12);
        let error = majority_baseline(2, &[0], 2).unwrap_err();
        assert_eq!(error, MetricsError::UnknownMajority { class: 2, classes: 2 });
    }

    #[test]
    fn chance_knows_the_shares() {
        assert!((stratified_chance_accuracy(&[30, 70], &[1, 3]) - (0.3 * 0.25 + 0.7 * 0.75)).abs() < 1e-12);
        assert_eq!(stratified_chance_accuracy(&[0, 0], &[1, 3]), 0.0);
        assert_eq!(class_counts(&[2, 0, 2], 3).unwrap(), [1, 0, 2]);
    }
}
