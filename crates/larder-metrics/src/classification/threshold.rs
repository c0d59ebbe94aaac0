//! The decision threshold of a two-class predictor.

use serde::{Deserialize, Serialize};

use crate::classification::confusion::check_classes;
use crate::classification::log_loss::check_probability;
use crate::classification::{Margins, Metric};
use crate::error::{ClassRole, MetricsError};

/// A threshold and what it scores on the rows it was chosen on: class 1 is answered where the probability of class
/// 1 is `threshold` or more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The threshold, in probability. 0 to 1, or the next number above 1 when the best is never to answer class 1
    /// although some probability is exactly 1.
    pub threshold: f64,
    /// The metric that was maximised.
    pub metric: Metric,
    /// Its value at the threshold.
    pub score: f64,
}

/// Finds the threshold that maximises `metric` on `gold` (`[rows]`, classes 0 and 1) given the probabilities of class 1
/// (`[rows]`), in O(rows · log rows).
///
/// Every division of the rows that a threshold can make is tried: equal probabilities are never separated, and
/// "all" and "none" are among them. The threshold is the midpoint between the two probabilities it separates (0
/// and 1 being the outermost ones). Of several divisions with the same score, the one whose threshold is nearest
/// to 0.5 wins, then the higher one.
///
/// # Errors
/// [`MetricsError::NoRows`], [`MetricsError::LengthMismatch`]; [`MetricsError::ClassOutOfRange`] or
/// [`MetricsError::InvalidProbability`] with the row.
pub fn best_threshold(probabilities: &[f64], gold: &[usize], metric: Metric) -> Result<Threshold, MetricsError> {
    if probabilities.len() != gold.len() {
        let found = probabilities.len();
        return Err(MetricsError::LengthMismatch { gold: gold.len(), other: "probabilities", found });
    }
    if gold.is_empty() {
        return Err(MetricsError::NoRows);
    }
    check_classes(gold, ClassRole::Gold, 2)?;
    for (row, &value) in probabilities.iter().enumerate() {
        check_probability(row, value)?;
    }

    let mut rows: Vec<(f64, usize)> = probabilities.iter().copied().zip(gold.iter().copied()).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));

    // Start where nothing is answered with class 1, and move the rows over from the highest probability down.
    let mut margins = Margins::new(2);
    for &(_, class) in &rows {
        margins.add(class, 0, 1);
    }
    let mut best = candidate(rows[0].0, 1.0, metric, &margins);
    let mut next = 0;
    while next < rows.len() {
        let value = rows[next].0;
        while next < rows.len() && rows[next].0 == value {
            margins.predicted[0] -= 1;
            margins.predicted[1] += 1;
            match rows[next].1 {
                0 => margins.correct[0] -= 1,
                _ => margins.correct[1] += 1,
            }
            next += 1;
        }
        let below = if next < rows.len() { rows[next].0 } else { 0.0 };
        let found = candidate(below, value, metric, &margins);
        let nearer = (found.threshold - 0.5).abs() < (best.threshold - 0.5).abs();
        if found.score > best.score || (found.score == best.score && nearer) {
            best = found;
        }
    }
    Ok(best)
}

/// The division with `below` under the threshold and `above` at or over it.
fn candidate(below: f64, above: f64, metric: Metric, margins: &Margins) -> Threshold {
    let middle = f64::midpoint(below, above);
    // Between neighbouring numbers the midpoint rounds to one of them; only the upper one separates them.
    let answers_none = margins.predicted[1] == 0;
    let threshold = if middle > below || !(answers_none || above > below) { middle } else { below.next_up() };
    Threshold { threshold, metric, score: metric.of_margins(margins) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ConfusionMatrix;

    fn score_at(threshold: f64, probabilities: &[f64], gold: &[usize], metric: Metric) -> f64 {
        let predicted: Vec<usize> = probabilities.iter().map(|&p| usize::from(p >= threshold)).collect();
        metric.of(&ConfusionMatrix::from_classes(gold, &predicted, 2).unwrap())
    }

    #[test]
    fn separates_at_the_midpoint() {
        let found = best_threshold(&[0.1, 0.2, 0.6, 0.9], &[0, 0, 1, 1], Metric::Mcc).unwrap();
        assert_eq!(found.threshold, 0.4);
        assert_eq!(found.score, 1.0);
    }

    #[test]
    fn equal_probabilities_stay_together() {
        let found = best_threshold(&[0.3, 0.3, 0.3, 0.8], &[0, 1, 1, 1], Metric::Accuracy).unwrap();
        // Everything is class 1: right three times; the tie at 0.3 cannot be broken.
        assert_eq!((found.threshold, found.score), (0.15, 0.75));
    }

    #[test]
    fn none_and_all_can_be_best_even_at_the_ends() {
        let none = best_threshold(&[1.0, 0.4], &[0, 0], Metric::Accuracy).unwrap();
        assert!(none.threshold > 1.0 && none.score == 1.0, "{none:?}");
        let all = best_threshold(&[0.0, 0.4], &[1, 1], Metric::Accuracy).unwrap();
        assert_eq!((all.threshold, all.score), (0.0, 1.0));
    }

    #[test]
    fn without_a_difference_the_threshold_stays_in_the_middle() {
        // Gold has one class: MCC is 0 everywhere.
        let found = best_threshold(&[0.1, 0.3, 0.71, 0.9], &[1, 1, 1, 1], Metric::Mcc).unwrap();
        assert!((found.threshold - 0.505).abs() < 1e-12);
    }

    #[test]
    fn neighbouring_numbers_are_separated() {
        let low = 0.25_f64;
        for (a, b) in [(low, low.next_up()), (low.next_up(), low.next_up().next_up()), (0.0, 5e-324)] {
            let found = best_threshold(&[a, b], &[0, 1], Metric::Mcc).unwrap();
            assert_eq!((found.threshold, found.score), (b, 1.0));
        }
    }

    #[test]
    fn malformed_rows_are_refused() {
        assert_eq!(best_threshold(&[], &[], Metric::Mcc).unwrap_err(), MetricsError::NoRows);
        let error = best_threshold(&[0.1, f64::NAN], &[0, 1], Metric::Mcc).unwrap_err();
        assert!(matches!(error, MetricsError::InvalidProbability { row: 1, .. }));
        let error = best_threshold(&[0.1, 0.2], &[0, 2], Metric::Mcc).unwrap_err();
        assert!(matches!(error, MetricsError::ClassOutOfRange { row: 1, class: 2, classes: 2, .. }));
        assert!(best_threshold(&[0.1], &[0, 1], Metric::Mcc).is_err());
    }

    proptest! {
        /// No threshold anywhere does better, and the score is what the threshold gives.
        #[test]
        fn agrees_with_trying_every_threshold(
            rows in prop::collection::vec(((0_u8..=12).prop_map(|p| f64::from(p) / 12.0), 0_usize..2), 1..40),
            metric in prop::sample::select(Metric::ALL),
        ) {
            let (probabilities, gold): (Vec<f64>, Vec<usize>) = rows.into_iter().unzip();
            let found = best_threshold(&probabilities, &gold, metric).unwrap();
            prop_assert_eq!(found.score, score_at(found.threshold, &probabilities, &gold, metric));
            for step in -1..=25 {
                let other = score_at(f64::from(step) / 24.0, &probabilities, &gold, metric);
                prop_assert!(found.score >= other, "{} at {step}/24 beats {:?}", other, found);
            }
        }
    }
}
