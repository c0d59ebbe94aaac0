//! Thresholds, and the sets that they make.

use super::calibration::{Calibration, CalibrationRow};
use super::request::{CoverageBy, CoverageRequest, SetScore};
use super::score::label_scores;
use crate::MetricsError;

/// Thresholds that make sets with the coverage asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionSets {
    /// The settings asked for.
    pub request: CoverageRequest,
    /// The highest score of a label that is in the set, `[labels]`; infinite for labels with too few calibration rows, which are
    /// in every set. Where the truth is a number there is one: half the width of the interval.
    pub thresholds: Vec<f64>,
    /// The calibration rows behind each threshold, `[labels]`.
    pub calibration_rows: Vec<usize>,
}

impl PredictionSets {
    /// Takes the thresholds from calibration rows; `labels` is 0 where the truth is a number.
    ///
    /// # Errors
    /// [`MetricsError::FewCalibrationRows`] where coverage is promised of all rows and they are too few;
    /// [`MetricsError::NoSetScore`] for a score that these rows do not have.
    pub fn new(calibration: &Calibration, labels: usize, request: CoverageRequest) -> Result<Self, MetricsError> {
        let score = |row: &CalibrationRow| match request.score {
            SetScore::Lac => Ok(row.score),
            SetScore::Aps => row.above.ok_or(MetricsError::NoSetScore { score: request.score }),
        };
        let (thresholds, calibration_rows) = match request.by {
            CoverageBy::All => {
                // All labels of a row are to be in its set: the worst of them counts.
                let mut scores: Vec<f64> = Vec::new();
                let mut last = None;
                for row in &calibration.rows {
                    let score = score(row)?;
                    match scores.last_mut().filter(|_| last == Some(row.row)) {
                        Some(worst) => *worst = worst.max(score),
                        None => scores.push(score),
                    }
                    last = Some(row.row);
                }
                let rows = scores.len();
                if request.rank(rows) > rows {
                    let (coverage, needed) = (request.coverage, request.least_rows());
                    return Err(MetricsError::FewCalibrationRows { coverage, rows, needed });
                }
                let count = labels.max(1);
                (vec![threshold(scores, &request); count], vec![rows; count])
            }
            CoverageBy::Class if labels == 0 => return Err(MetricsError::NoClasses),
            CoverageBy::Class => {
                let mut scores = vec![Vec::new(); labels];
                for row in &calibration.rows {
                    if let Some(of_label) = row.label.and_then(|label| scores.get_mut(label)) {
                        of_label.push(score(row)?);
                    }
                }
                let rows = scores.iter().map(Vec::len).collect();
                (scores.into_iter().map(|scores| threshold(scores, &request)).collect(), rows)
            }
        };
        Ok(Self { request, thresholds, calibration_rows })
    }

    /// Returns the labels in the set of a row, ascending; `probabilities` `[labels]`.
    pub fn labels(&self, probabilities: &[f64]) -> Vec<usize> {
        let scores = label_scores(probabilities, self.request.score);
        let fits = |(label, score): (usize, f64)| (score <= self.thresholds[label]).then_some(label);
        scores.into_iter().enumerate().filter_map(fits).collect()
    }

    /// Returns the interval around an answer.
    pub fn interval(&self, answer: f64) -> (f64, f64) {
        (answer - self.thresholds[0], answer + self.thresholds[0])
    }

    /// Returns true for a set of that many labels that is no answer: an empty one, or one larger than was asked for.
    pub fn abstains(&self, labels: usize) -> bool {
        labels == 0 || self.request.max_set.is_some_and(|most| labels > most)
    }

    /// Returns the labels that are in every set because too few calibration rows have them.
    pub fn always(&self) -> Vec<usize> {
        (0..self.thresholds.len()).filter(|&label| self.thresholds[label].is_infinite()).collect()
    }
}

fn threshold(mut scores: Vec<f64>, request: &CoverageRequest) -> f64 {
    scores.sort_by(f64::total_cmp);
    scores.get(request.rank(scores.len()) - 1).copied().unwrap_or(f64::INFINITY)
}
