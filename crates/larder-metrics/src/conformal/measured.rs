//! Coverage as measured on rows with known truth.

use serde::{Deserialize, Serialize};

use super::expected::{expected_coverage, wilson};
use super::request::{CoverageBy, SetScore};
use super::sets::PredictionSets;
use crate::Interval;

/// Coverage measured on a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitCoverage {
    /// The coverage asked for.
    pub asked: f64,
    /// The score that decided what is in a set; `None` where the truth is a number, and sets are intervals.
    pub score: Option<SetScore>,
    /// The rows of which coverage is promised.
    pub by: CoverageBy,
    /// Rows counted, or if coverage is promised of each label, true labels of rows.
    pub rows: usize,
    /// Those covered: all true labels (the true label, the number) are in the set.
    pub covered: usize,
    /// Their share.
    pub coverage: f64,
    /// Its 95 % interval (Wilson).
    pub interval: Interval,
    /// The interval that holds 95 % of measured coverages if the rows are exchangeable with those of the calibration.
    pub expected: Interval,
    /// Calibration rows.
    pub calibration_rows: usize,
    /// Labels of a set, or width of an interval, on average.
    pub mean_size: f64,
    /// Most labels of a set that is an answer.
    pub max_set: Option<usize>,
    /// Share of rows without an answer: their set is empty, or larger than that.
    pub abstained: f64,
    /// Share of rows with an empty set.
    pub empty: f64,
    /// Each label that has rows; empty where the truth is a number.
    pub classes: Vec<ClassCoverage>,
}

/// Coverage of the rows of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassCoverage {
    /// The label's index; labels that training never saw come after the run's own.
    pub class: usize,
    /// Rows that have it.
    pub rows: usize,
    /// Those whose set has it.
    pub covered: usize,
    /// Their share.
    pub coverage: f64,
    /// Its 95 % interval (Wilson).
    pub interval: Interval,
    /// True if too few calibration rows have it, and it is in every set.
    pub always: bool,
}

impl SplitCoverage {
    /// Measures sets of labels: `probabilities` `[rows, labels]` and true labels, row by row.
    pub fn of_labels<'a>(
        sets: &PredictionSets,
        probabilities: impl IntoIterator<Item = &'a [f64]>,
        gold: impl IntoIterator<Item = Vec<usize>>,
    ) -> Self {
        let (mut rows, mut covered, mut size, mut abstained, mut empty) = (0, 0, 0, 0, 0);
        let mut classes: Vec<(usize, usize)> = Vec::new();
        for (probabilities, gold) in probabilities.into_iter().zip(gold) {
            let set = sets.labels(probabilities);
            rows += 1;
            size += set.len();
            abstained += usize::from(sets.abstains(set.len()));
            empty += usize::from(set.is_empty());
            covered += usize::from(gold.iter().all(|label| set.contains(label)));
            for label in gold {
                if classes.len() <= label {
                    classes.resize(label + 1, (0, 0));
                }
                classes[label].0 += 1;
                classes[label].1 += usize::from(set.contains(&label));
            }
        }
        let always = sets.always();
        let of_class = |(class, &(rows, covered)): (usize, &(usize, usize))| ClassCoverage {
            class,
            rows,
            covered,
            coverage: share(covered, rows),
            interval: wilson(covered, rows),
            always: always.contains(&class),
        };
        let classes: Vec<ClassCoverage> =
            classes.iter().enumerate().filter(|(_, class)| class.0 > 0).map(of_class).collect();
        let (counted, calibration) = match sets.request.by {
            CoverageBy::All => ((rows, covered), sets.calibration_rows[0]),
            CoverageBy::Class => {
                let counted = classes.iter().fold((0, 0), |sum, one| (sum.0 + one.rows, sum.1 + one.covered));
                (counted, effective_rows(sets, &classes))
            }
        };
        Self {
            mean_size: share(size, rows),
            abstained: share(abstained, rows),
            empty: share(empty, rows),
            classes,
            ..Self::of_counts(sets, Some(sets.request.score), counted.0, counted.1, calibration)
        }
    }

    /// Measures intervals: targets and answers, `[rows]`.
    pub fn of_numbers(sets: &PredictionSets, gold: &[f64], answers: &[f64]) -> Self {
        let is_covered = |(gold, answer): (&f64, &f64)| (gold - answer).abs() <= sets.thresholds[0];
        let covered = gold.iter().zip(answers).filter(|&pair| is_covered(pair)).count();
        let of = Self::of_counts(sets, None, gold.len(), covered, sets.calibration_rows[0]);
        Self { mean_size: 2.0 * sets.thresholds[0], ..of }
    }

    fn of_counts(
        sets: &PredictionSets,
        score: Option<SetScore>,
        rows: usize,
        covered: usize,
        calibration: usize,
    ) -> Self {
        Self {
            asked: sets.request.coverage,
            score,
            by: sets.request.by,
            rows,
            covered,
            coverage: share(covered, rows),
            interval: wilson(covered, rows),
            expected: expected_coverage(sets.request.rank(calibration), calibration, rows),
            calibration_rows: match sets.request.by {
                CoverageBy::All => calibration,
                CoverageBy::Class => sets.calibration_rows.iter().sum(),
            },
            mean_size: 0.0,
            max_set: sets.request.max_set,
            abstained: 0.0,
            empty: 0.0,
            classes: Vec::new(),
        }
    }

    /// Returns true if fewer rows are covered than chance explains.
    pub fn is_short(&self) -> bool {
        self.coverage < self.expected.low
    }
}

/// Returns the number of calibration rows with one threshold for all whose coverage varies as that of a threshold a class.
fn effective_rows(sets: &PredictionSets, classes: &[ClassCoverage]) -> usize {
    let known = classes.iter().filter(|one| !one.always && one.class < sets.thresholds.len());
    let known: Vec<(f64, f64)> = known.map(|one| (one.rows as f64, sets.calibration_rows[one.class] as f64)).collect();
    let all: f64 = known.iter().map(|(rows, _)| rows).sum();
    let variance: f64 = known.iter().map(|(rows, calibration)| (rows / all).powi(2) / calibration).sum();
    if variance > 0.0 { (1.0 / variance) as usize } else { 0 }
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}
