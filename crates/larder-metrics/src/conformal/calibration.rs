//! Scores of the truth on rows that the answering fit had not seen.

use super::request::SetScore;
use super::score::label_scores;

/// The scores of one true label of a row; of a row without labels, of none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationRow {
    /// The row's number among those of train, from 0. A row with several labels stands here several times.
    pub row: usize,
    /// The label; `None` where the truth is a number, or a row has no label.
    pub label: Option<usize>,
    /// 1 less the label's probability; where the truth is a number, how far the answer was from it.
    pub score: f64,
    /// The probability of all labels above it, where labels exclude each other.
    pub above: Option<f64>,
}

/// Scores of the truth on rows that the answering fit had not seen: what thresholds are taken from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    /// Ascending by `row`.
    pub rows: Vec<CalibrationRow>,
}

impl Calibration {
    /// Returns the calibration of labels that exclude each other: `probabilities` `[rows, labels]`, row by row, and the true label `[rows]`.
    pub fn of_labels<'a>(probabilities: impl IntoIterator<Item = &'a [f64]>, gold: &[usize]) -> Self {
        let rows =
            probabilities.into_iter().zip(gold).enumerate().map(|(row, (probabilities, &label))| CalibrationRow {
                row,
                label: Some(label),
                score: 1.0 - probabilities[label],
                above: Some(label_scores(probabilities, SetScore::Aps)[label]),
            });
        Self { rows: rows.collect() }
    }

    /// Returns the calibration of label sets: `probabilities` `[rows, labels]` and true labels, row by row; `rows` are their numbers among those of train.
    pub fn of_label_sets<'a>(
        rows: &[usize],
        probabilities: impl IntoIterator<Item = &'a [f64]>,
        gold: impl IntoIterator<Item = Vec<usize>>,
    ) -> Self {
        let mut all = Vec::new();
        for ((&row, probabilities), labels) in rows.iter().zip(probabilities).zip(gold) {
            if labels.is_empty() {
                // Any set holds all labels of a row that has none.
                all.push(CalibrationRow { row, label: None, score: 0.0, above: None });
            }
            let of = |label: usize| CalibrationRow {
                row,
                label: Some(label),
                score: 1.0 - probabilities[label],
                above: None,
            };
            all.extend(labels.into_iter().map(of));
        }
        Self { rows: all }
    }

    /// Returns the calibration of numbers: targets and answers, `[rows]`.
    pub fn of_numbers(gold: &[f64], answers: &[f64]) -> Self {
        let rows = gold.iter().zip(answers).enumerate().map(|(row, (gold, answer))| CalibrationRow {
            row,
            label: None,
            score: (gold - answer).abs(),
            above: None,
        });
        Self { rows: rows.collect() }
    }
}
