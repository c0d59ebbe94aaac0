//! F1 of labels with its standard error.

use ndarray::{Array2, ArrayView2};

use super::settings::MultilabelMetric;

/// A score, and how it would vary with the rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Score {
    pub(super) value: f64,
    /// The change of the score by each row, to first order, `[rows]`: the squares add up to the variance.
    influence: Vec<f64>,
}

impl Score {
    /// By the linearised score (the infinitesimal jackknife: Efron 1982).
    pub(super) fn standard_error(&self) -> f64 {
        root(self.influence.iter().copied())
    }

    /// The gain over another score on the same rows, and its standard error.
    pub(super) fn gain_over(&self, other: &Self) -> (f64, f64) {
        let differences = self.influence.iter().zip(&other.influence).map(|(own, other)| own - other);
        (self.value - other.value, root(differences))
    }
}

fn root(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// F1 of one label's answers, both `[rows]`: `2 TP / (2 TP + FP + FN)`, 0 where that is nothing by nothing.
pub(super) fn f1(gold: impl Iterator<Item = bool> + Clone, answers: impl Iterator<Item = bool> + Clone) -> Score {
    ratio(gold.zip(answers).map(counts))
}

/// The shares of one answer in `2 TP` and in `2 TP + FP + FN`.
fn counts((gold, answer): (bool, bool)) -> (f64, f64) {
    (2.0 * f64::from(gold && answer), f64::from(gold) + f64::from(answer))
}

/// A ratio of two sums over rows.
fn ratio(rows: impl Iterator<Item = (f64, f64)> + Clone) -> Score {
    let (above, below) = rows.clone().fold((0.0, 0.0), |sums, row| (sums.0 + row.0, sums.1 + row.1));
    if below == 0.0 {
        return Score { value: 0.0, influence: rows.map(|_| 0.0).collect() };
    }
    let value = above / below;
    Score { value, influence: rows.map(|row| (row.0 - value * row.1) / below).collect() }
}

/// The metric of answers, both `[rows, labels]`.
pub(super) fn score(metric: MultilabelMetric, gold: ArrayView2<'_, bool>, answers: &Array2<bool>) -> Score {
    match metric {
        MultilabelMetric::MicroF1 => ratio(gold.rows().into_iter().zip(answers.rows()).map(|(gold, answers)| {
            gold.iter().zip(answers).fold((0.0, 0.0), |(above, below), (&gold, &answer)| {
                let (own, other) = counts((gold, answer));
                (above + own, below + other)
            })
        })),
        MultilabelMetric::MacroF1 => {
            let (rows, labels) = gold.dim();
            let mut mean = Score { value: 0.0, influence: vec![0.0; rows] };
            for label in 0..labels {
                let of_label = f1(gold.column(label).iter().copied(), answers.column(label).iter().copied());
                mean.value += of_label.value / labels as f64;
                for (sum, influence) in mean.influence.iter_mut().zip(&of_label.influence) {
                    *sum += influence / labels as f64;
                }
            }
            mean
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn both_metrics_are_the_ratios_of_their_counts() {
        let gold = array![[true, false, false], [true, true, false], [false, true, false], [true, false, false]];
        let answers = array![[true, true, false], [true, false, false], [false, true, false], [false, true, false]];
        // TP, FP, FN: 2 0 1 and 1 2 1 and nothing.
        let macro_f1 = score(MultilabelMetric::MacroF1, gold.view(), &answers);
        assert!((macro_f1.value - (4.0 / 5.0 + 2.0 / 5.0) / 3.0).abs() < 1e-15);
        let micro_f1 = score(MultilabelMetric::MicroF1, gold.view(), &answers);
        assert!((micro_f1.value - 6.0 / 10.0).abs() < 1e-15);
        // The first row has one right answer of three labels and answers: (2 - 0.6 * 3) / 10, and so on.
        let influence = [0.2, 0.2, 0.8, -1.2].map(|value: f64| value / 10.0);
        let expected = root(influence.into_iter());
        assert!((micro_f1.standard_error() - expected).abs() < 1e-15, "{micro_f1:?}");
        assert_eq!(micro_f1.gain_over(&micro_f1), (0.0, 0.0));
    }
}
