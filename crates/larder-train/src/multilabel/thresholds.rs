//! The decision threshold of each label, chosen on held-out rows.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::scores::{Score, f1, score};
use super::settings::F1Average;
use crate::threshold::HALF;

/// Thresholds that all labels may share lie this far apart, from the first step on: rare labels are seldom more probable than a tenth.
const STEPS: usize = 100;

/// The threshold after so many steps.
fn step(count: usize) -> f64 {
    count as f64 / STEPS as f64
}

/// The answers `[rows, labels]` from the thresholds `[labels]` on.
pub(super) fn answers(probabilities: &Array2<f64>, thresholds: &[f64]) -> Array2<bool> {
    Array2::from_shape_fn(probabilities.dim(), |(row, label)| probabilities[[row, label]] >= thresholds[label])
}

/// The threshold that all labels share with the best metric, the nearest to 0.5 of several.
pub(super) fn shared_threshold(
    metric: F1Average,
    probabilities: &Array2<f64>,
    gold: ArrayView2<'_, bool>,
) -> (f64, Score) {
    let labels = probabilities.ncols();
    let steps: Vec<f64> = (1..STEPS).map(step).collect();
    // Of each label the rows, and those with it, whose probability reaches so many steps.
    let counts: Vec<[(u64, u64); STEPS]> = (0..labels)
        .into_par_iter()
        .map(|label| {
            let mut counts = [(0, 0); STEPS];
            for (&probability, &has) in probabilities.column(label).iter().zip(gold.column(label)) {
                let passed = steps.partition_point(|&threshold| probability >= threshold);
                counts[passed].0 += 1;
                counts[passed].1 += u64::from(has);
            }
            for at in (1..STEPS).rev() {
                counts[at - 1].0 += counts[at].0;
                counts[at - 1].1 += counts[at].1;
            }
            counts
        })
        .collect();
    let value = |at: usize| {
        // Answers and gold, of which both are right twice; without a step every row is answered.
        let sums = counts.iter().map(|counts| (2 * counts[at].1, counts[at].0 + counts[0].1));
        let f1 = |(right, all): (u64, u64)| if all == 0 { 0.0 } else { right as f64 / all as f64 };
        match metric {
            F1Average::MacroF1 => sums.map(f1).sum::<f64>() / labels as f64,
            F1Average::MicroF1 => f1(sums.fold((0, 0), |sum, of_label| (sum.0 + of_label.0, sum.1 + of_label.1))),
        }
    };
    let key = |at: usize| (value(at), -(step(at) - HALF).abs());
    let best = (1..STEPS).max_by(|&a, &b| key(a).partial_cmp(&key(b)).expect("scores are finite"));
    let threshold = step(best.expect("there are thresholds"));
    (threshold, score(metric, gold, &answers(probabilities, &vec![threshold; labels])))
}

/// Returns the thresholds `[labels]` for `probabilities` `[rows, labels]` of rows that no fit has seen; `gold` `[rows, labels]`: has
/// the row the label? They are the shared one, and a label's own (the best F1 on its rows) only where that gains more than one
/// standard error of the paired difference. Under micro F1 all labels share one, which is the best for it where probabilities are
/// right (Lipton, Elkan and Narayanaswamy 2014).
pub fn label_thresholds(metric: F1Average, probabilities: &Array2<f64>, gold: ArrayView2<'_, bool>) -> Vec<f64> {
    let (shared, _) = shared_threshold(metric, probabilities, gold);
    (0..probabilities.ncols())
        .into_par_iter()
        .map(|label| {
            if metric == F1Average::MicroF1 {
                return shared;
            }
            let of_label = probabilities.column(label);
            let has = gold.column(label);
            let at = |threshold: f64| {
                f1(has.iter().copied(), of_label.iter().map(move |&probability| probability >= threshold))
            };
            let own = own_threshold(of_label.iter().copied().zip(has.iter().copied()).collect());
            let (gain, standard_error) = at(own).gain_over(&at(shared));
            if gain > standard_error { own } else { shared }
        })
        .collect()
}

/// The threshold with the best F1 of one label, halfway between two probabilities.
fn own_threshold(mut rows: Vec<(f64, bool)>) -> f64 {
    rows.sort_unstable_by(|first, second| second.0.total_cmp(&first.0));
    let positives = rows.iter().filter(|row| row.1).count() as f64;
    let (mut best, mut threshold) = (0.0, HALF);
    let mut right = 0.0;
    for (at, row) in rows.iter().enumerate() {
        right += f64::from(row.1);
        let next = rows.get(at + 1).map_or(0.0, |next| next.0);
        if next == row.0 {
            continue;
        }
        let f1 = 2.0 * right / (at as f64 + 1.0 + positives);
        if f1 > best {
            (best, threshold) = (f1, (row.0 + next) / 2.0);
        }
    }
    threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_threshold_has_the_best_f1() {
        let rows = vec![(0.9, true), (0.6, false), (0.3, true), (0.1, false), (0.05, false)];
        // From 0.3 on: 4 / 5; from 0.9 on: 2 / 3.
        assert!((own_threshold(rows) - 0.2).abs() < 1e-15);
        assert_eq!(own_threshold(vec![(0.4, false), (0.2, false)]), HALF);
    }

    #[test]
    fn a_label_leaves_the_shared_threshold_only_for_a_clear_gain() {
        // Label 0 and 1 are decided at 0.5; the probabilities of label 2 are a fifth of what they should be.
        let rows = 400;
        let gold = Array2::from_shape_fn((rows, 3), |(row, label)| (row * [3, 4, 7][label]) % 5 < 2);
        let probabilities = Array2::from_shape_fn((rows, 3), |(row, label)| {
            let noise = (row * 7919 % 101) as f64 / 400.0;
            let right = (row + label) % 17 != 0;
            let high = gold[[row, label]] == right;
            (if high { 0.7 } else { 0.1 } + noise) * if label == 2 { 0.2 } else { 1.0 }
        });
        let found = label_thresholds(F1Average::MacroF1, &probabilities, gold.view());
        assert_eq!(found[0], found[1]);
        assert!(found[0] > 0.3 && found[0] < 0.75 && found[2] < 0.15 && found[2] > 0.05, "{found:?}");
        let micro = label_thresholds(F1Average::MicroF1, &probabilities, gold.view());
        assert!(micro.iter().all(|threshold| *threshold == micro[0]));
    }
}
