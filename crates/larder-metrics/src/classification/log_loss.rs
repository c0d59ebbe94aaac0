//! Loss of probabilities, and the loss that knowing only the classes' shares gives.

use crate::classification::confusion::check_classes;
use crate::error::{ClassRole, MetricsError};

/// How far a row's probabilities may sum from 1: heads compute them in float32, over up to some hundred classes.
const SUM_TOLERANCE: f64 = 1e-3;

/// Mean negative log-likelihood of `gold` (`[rows]`), in nats per row; `probabilities` is row-major
/// `[rows, classes]`.
///
/// Probabilities are kept off 0 and 1 by [`f64::EPSILON`], as scikit-learn's `log_loss`, so that one confident
/// error costs 36 nats and not infinity.
///
/// # Errors
/// [`MetricsError::NoRows`]; [`MetricsError::LengthMismatch`]; [`MetricsError::ClassOutOfRange`],
/// [`MetricsError::InvalidProbability`] or [`MetricsError::NotNormalised`] (off by more than 0.001) with the row.
pub fn log_loss(probabilities: &[f64], gold: &[usize], classes: usize) -> Result<f64, MetricsError> {
    check_classes(gold, ClassRole::Gold, classes)?;
    if gold.is_empty() {
        return Err(MetricsError::NoRows);
    }
    if probabilities.len() != gold.len() * classes {
        // Rounded up: half a row too many is a row too many.
        let found = probabilities.len().div_ceil(classes);
        return Err(MetricsError::LengthMismatch { gold: gold.len(), other: "probabilities", found });
    }
    let mut sum = 0.0;
    for (row, (probabilities, &class)) in probabilities.chunks(classes).zip(gold).enumerate() {
        for &value in probabilities {
            check_probability(row, value)?;
        }
        let row_sum: f64 = probabilities.iter().sum();
        if (row_sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(MetricsError::NotNormalised { row, sum: row_sum });
        }
        sum -= probabilities[class].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
    }
    Ok(sum / gold.len() as f64)
}

/// Entropy of the classes' shares, in nats, of `counts` `[classes]`: the lowest log loss that answers which ignore
/// the text can reach. A model that stays there has learnt the shares and nothing else. 0 without rows.
pub fn class_prior_entropy(counts: &[u64]) -> f64 {
    let rows: f64 = counts.iter().map(|&count| count as f64).sum();
    let terms = counts.iter().filter(|count| **count > 0).map(|&count| {
        let share = count as f64 / rows;
        share * share.ln()
    });
    // Not `-sum`: the entropy of one class is 0, not -0.
    0.0 - terms.sum::<f64>()
}

pub(crate) fn check_probability(row: usize, value: f64) -> Result<(), MetricsError> {
    // Written so that NaN fails.
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(MetricsError::InvalidProbability { row, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_themselves_cost_their_entropy() {
        let gold = [0, 1, 1, 1];
        let entropy = class_prior_entropy(&[1, 3]);
        let loss = log_loss(&[0.25, 0.75].repeat(4), &gold, 2).unwrap();
        assert!((loss - entropy).abs() < 1e-12);
        assert!((entropy - 0.562_335_144_618_808_4).abs() < 1e-12);
        assert_eq!(class_prior_entropy(&[5, 0]).to_bits(), 0.0_f64.to_bits());
        assert_eq!(class_prior_entropy(&[]), 0.0);
    }

    #[test]
    fn logits_and_nan_are_refused() {
        let error = log_loss(&[0.5, 0.5, 1.2, -0.2], &[0, 1], 2).unwrap_err();
        assert_eq!(error, MetricsError::InvalidProbability { row: 1, value: 1.2 });
        let error = log_loss(&[0.2, 0.3], &[0], 2).unwrap_err();
        assert_eq!(error, MetricsError::NotNormalised { row: 0, sum: 0.5 });
        let error = log_loss(&[f64::NAN, 0.3], &[0], 2).unwrap_err();
        assert!(matches!(error, MetricsError::InvalidProbability { row: 0, .. }));
        let error = log_loss(&[0.5, 0.5, 0.5], &[0], 2).unwrap_err();
        assert_eq!(error, MetricsError::LengthMismatch { gold: 1, other: "probabilities", found: 2 });
        assert_eq!(log_loss(&[], &[], 2).unwrap_err(), MetricsError::NoRows);
    }
}
