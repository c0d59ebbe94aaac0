//! Loss of probabilities, and the loss that knowing only the classes' shares gives.

use crate::classification::confusion::check_classes;
use crate::error::{ClassRole, MetricsError};

/// The largest deviation of a row's sum of probabilities from 1: heads compute them in float32, over up to some hundred
/// classes.
const SUM_TOLERANCE: f64 = 1e-3;

/// Computes the mean negative log-likelihood of `gold` (`[rows]`), in nats per row; `probabilities` is row-major
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

/// Computes the entropy of the classes' shares, in nats, of `counts` `[classes]`: the lowest log loss that answers
/// which ignore the text can reach. A model that stays there has learnt the shares and nothing else. 0 without rows.
pub fn class_prior_entropy(counts: &[u64]) -> f64 {
    let rows: f64 = counts.iter().map(|&count| count as f64).sum();
    let terms = counts.iter().filter(|count| **count > 0).map(|&count| {
        let share = count as f64 / rows;
        share * share.ln()
    });
    // Not `-sum`: the entropy of one class is 0, not -0.
    0.0 - terms.sum::<f64>()
}

/// The probabilities that lose least among those that ignore the text, under a weighted and smoothed cross-entropy.
///
/// The loss is that of PyTorch's `cross_entropy`: with weights `w`, smoothing `ε` and `C` classes
/// `Σ ((1 - ε) w[y] · -ln p[y] + ε/C Σ_c w[c] · -ln p[c]) / Σ w[y]`. With neither weights nor smoothing the best constant answer
/// is the classes' shares, and its loss their entropy, [`class_prior_entropy`].
#[derive(Debug, Clone, PartialEq)]
pub struct ConstantAnswer {
    probabilities: Vec<f64>,
    weights: Vec<f64>,
    smoothing: f64,
}

impl ConstantAnswer {
    /// Computes the loss of the best answer that ignores the text, for rows of `counts` `[classes]`. `weights`
    /// `[classes]` weighs all alike where it is `None`, and `smoothing` is from 0 to below 1.
    pub fn best(counts: &[u64], weights: Option<&[f64]>, smoothing: f64) -> Self {
        let weights = weights.map_or_else(|| vec![1.0; counts.len()], <[f64]>::to_vec);
        let mut answer = Self { probabilities: Vec::new(), weights, smoothing };
        let costs = answer.costs(counts);
        // Each class is answered in proportion to what its `-ln p` is multiplied by.
        let all: f64 = costs.iter().sum();
        answer.probabilities = costs.iter().map(|cost| if all > 0.0 { cost / all } else { 0.0 }).collect();
        answer
    }

    /// Its loss in nats on rows of `counts` `[classes]`: those that it is the best one for, or others. 0 without rows.
    pub fn loss_on(&self, counts: &[u64]) -> f64 {
        let costs = self.costs(counts).into_iter().zip(&self.probabilities);
        // A class that it never answers costs as much as `log_loss` says.
        let terms = costs.filter(|(cost, _)| *cost > 0.0).map(|(cost, p)| cost * p.max(f64::EPSILON).ln());
        0.0 - terms.sum::<f64>()
    }

    /// Returns the factor of each class's `-ln p` in the mean loss, `[classes]`.
    fn costs(&self, counts: &[u64]) -> Vec<f64> {
        let rows: f64 = counts.iter().map(|&count| count as f64).sum();
        let weighed: f64 = counts.iter().zip(&self.weights).map(|(&count, weight)| count as f64 * weight).sum();
        if weighed <= 0.0 {
            return vec![0.0; counts.len()];
        }
        let spread = self.smoothing / counts.len() as f64 * rows;
        let cost = |(&count, weight): (&u64, &f64)| weight * ((1.0 - self.smoothing) * count as f64 + spread) / weighed;
        counts.iter().zip(&self.weights).map(cost).collect()
    }
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
    fn the_best_constant_answer_loses_the_entropy_and_other_answers_more() {
        let plain = ConstantAnswer::best(&[300, 40], None, 0.0);
        assert!((plain.loss_on(&[300, 40]) - 0.362_210).abs() < 1e-6, "{}", plain.loss_on(&[300, 40]));
        // Weighed so that both classes count alike.
        let weights = [340.0 / 600.0, 340.0 / 80.0];
        let balanced = ConstantAnswer::best(&[300, 40], Some(&weights), 0.0);
        assert!((balanced.loss_on(&[300, 40]) - 2.0_f64.ln()).abs() < 1e-12);
        // On other shares it is no longer the best.
        let shares = [300.0 / 340.0, 40.0 / 340.0_f64];
        assert!((plain.loss_on(&[1, 1]) + 0.5 * (shares[0].ln() + shares[1].ln())).abs() < 1e-12);
        assert!(plain.loss_on(&[1, 1]) > 2.0_f64.ln());
        // Smoothing by hand: 0.9 of the label and 0.05 of either class.
        let smooth = ConstantAnswer::best(&[3, 1], None, 0.1);
        let p = [0.9 * 0.75 + 0.05, 0.9 * 0.25 + 0.05_f64];
        let expected: f64 = p.iter().map(|p| -p * p.ln()).sum();
        assert!((smooth.loss_on(&[3, 1]) - expected).abs() < 1e-12);
        assert_eq!(plain.loss_on(&[0, 0]), 0.0);
        assert_eq!(ConstantAnswer::best(&[], None, 0.0).loss_on(&[]), 0.0);
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
