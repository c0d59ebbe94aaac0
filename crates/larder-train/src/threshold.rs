//! Is a threshold that was tuned on held-out rows better than none, by more than chance?
//!
//! The best of many thresholds is the best on the rows it was chosen on, whether there is anything to gain or not. So each
//! part of the held-out rows is judged with the threshold that is best on the *other* parts, and the gain of those answers
//! is measured beside its own standard error. Why one standard error: `docs/selection.md`.

use larder_metrics::{Bootstrap, Metric, PairedConfusion, best_threshold};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// When a tuned threshold is taken, in words.
pub const TUNING_RULE: &str = "tuned only where that gains more than one standard error on held-out rows, each judged with what is best on the others";

/// The more probable class is answered.
pub const HALF: f64 = 0.5;

/// The gain from tuning, on held-out rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TuningGain {
    /// The score with the tuned value less that without, on held-out rows. Of a threshold: each part of them judged with the one
    /// that is best on the other parts; of a bias of `O`: the best on all of them.
    pub gain: f64,
    /// Its standard error over the held-out rows (of taggers: sentences), both judged on the same ones.
    pub standard_error: f64,
}

impl TuningGain {
    /// Is the tuned value taken? It has to gain more than one standard error.
    pub fn is_taken(&self) -> bool {
        self.gain > self.standard_error
    }
}

/// A threshold, and what it answered to the rows it was chosen by.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOutThreshold {
    /// The best on all held-out rows, or [`HALF`] where that gains too little.
    pub threshold: f64,
    /// `[rows]`: no row is answered with a threshold that it took part in choosing.
    pub answers: Vec<usize>,
    /// The gain from tuning.
    pub gain: TuningGain,
}

/// The threshold for two classes by the probabilities of class 1 of held-out rows (`of_one`), their classes (`gold`) and the
/// part that each belongs to (`part_of_row`, below `parts`), all `[rows]`.
///
/// # Errors
/// [`TrainError::Metrics`] for probabilities that are none, and for parts without other rows beside them.
pub fn tune_threshold(
    of_one: &[f64],
    gold: &[usize],
    part_of_row: &[usize],
    parts: usize,
    metric: Metric,
) -> Result<HeldOutThreshold, TrainError> {
    let best = |keep: &dyn Fn(usize) -> bool| -> Result<f64, TrainError> {
        let (of_one, gold): (Vec<f64>, Vec<usize>) =
            (0..gold.len()).filter(|&row| keep(row)).map(|row| (of_one[row], gold[row])).unzip();
        Ok(best_threshold(&of_one, &gold, metric)?.threshold)
    };
    let thresholds: Vec<f64> =
        (0..parts).into_par_iter().map(|part| best(&|row| part_of_row[row] != part)).collect::<Result<_, _>>()?;
    let tuned: Vec<usize> =
        of_one.iter().zip(part_of_row).map(|(&one, &part)| usize::from(one >= thresholds[part])).collect();
    let plain: Vec<usize> = of_one.iter().map(|&one| usize::from(one >= HALF)).collect();
    let paired = PairedConfusion::from_classes(gold, &tuned, &plain, 2)?;
    let (gain, standard_error) = Bootstrap::default().paired_gain(&paired, metric)?;
    let gain = TuningGain { gain, standard_error };
    Ok(match gain.is_taken() {
        true => HeldOutThreshold { threshold: best(&|_| true)?, answers: tuned, gain },
        false => HeldOutThreshold { threshold: HALF, answers: plain, gain },
    })
}

#[cfg(test)]
mod tests {
    use larder_metrics::stratified_folds;

    use super::*;

    /// Probabilities that are right about `right` of 100 rows, and half of what they should be: the best threshold is 0.25.
    fn halved(rows: usize, wrong_every: usize) -> (Vec<f64>, Vec<usize>) {
        let gold: Vec<usize> = (0..rows).map(|row| usize::from(row % 5 < 2)).collect();
        let one = |row: usize| {
            let says_one = (gold[row] == 1) != row.is_multiple_of(wrong_every);
            (if says_one { 0.4 } else { 0.1 }) + (row * 7919 % 101) as f64 / 2000.0
        };
        ((0..rows).map(one).collect(), gold)
    }

    fn tuned(of_one: &[f64], gold: &[usize], metric: Metric) -> HeldOutThreshold {
        let parts = stratified_folds(gold, 5, 0).unwrap();
        tune_threshold(of_one, gold, &parts, 5, metric).unwrap()
    }

    #[test]
    fn a_threshold_that_gains_clearly_is_taken() {
        let (of_one, gold) = halved(400, 17);
        let found = tuned(&of_one, &gold, Metric::Mcc);
        assert!(found.gain.is_taken() && found.gain.gain > 0.5, "{found:?}");
        assert!(found.threshold > 0.15 && found.threshold < 0.4, "{}", found.threshold);
        let expected: Vec<usize> = of_one.iter().map(|&one| usize::from(one > 0.25)).collect();
        assert_eq!(found.answers, expected);
    }

    #[test]
    fn probabilities_that_say_nothing_keep_the_half() {
        // The best threshold on all rows gains something, as it always does; on rows that did not choose it there is nothing.
        let mut taken = 0;
        for seed in 0..40_usize {
            let gold: Vec<usize> = (0..200).map(|row| (row * 7919 + seed * 31) % 2).collect();
            let of_one: Vec<f64> =
                (0..200).map(|row| ((row * 104_729 + seed * 15_485_863) % 1009) as f64 / 1009.0).collect();
            let found = tuned(&of_one, &gold, Metric::Mcc);
            let best = best_threshold(&of_one, &gold, Metric::Mcc).unwrap();
            assert!(best.score > 0.0);
            taken += usize::from(found.gain.is_taken());
            if !found.gain.is_taken() {
                assert_eq!(found.threshold, HALF);
                assert!(found.answers.iter().zip(&of_one).all(|(&answer, &one)| (answer == 1) == (one >= HALF)));
            }
        }
        // One standard error is passed by chance in a sixth of the cases; four deviations of 40 draws more.
        assert!(taken <= 40 / 6 + 10, "{taken} of 40");
    }

    #[test]
    fn the_rule_is_one_standard_error() {
        let gain = |gain| TuningGain { gain, standard_error: 0.023 };
        assert!(!gain(0.009).is_taken() && !gain(0.023).is_taken() && gain(0.024).is_taken());
        assert!(!TuningGain { gain: 0.0, standard_error: 0.0 }.is_taken());
    }
}
