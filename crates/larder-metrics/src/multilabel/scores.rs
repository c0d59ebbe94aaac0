//! The scores of label sets that a report prints, always together.

use serde::{Deserialize, Serialize};

use crate::entities::AverageScores;
use crate::error::MetricsError;
use crate::multilabel::average_precision::average_precision;
use crate::multilabel::row_entries::RowEntries;
use crate::multilabel::{LabelSets, MultilabelAnswers};

/// All scores of one predictor of label sets on one split, by [`score_multilabel`]; field names are those of reports
/// and files.
///
/// Values agree with scikit-learn's `precision_recall_fscore_support` with `zero_division=0`, `accuracy_score`,
/// `hamming_loss`, `label_ranking_average_precision_score` and `average_precision_score`. Averages are over all labels
/// of the task: one that does not occur has 0, unlike a class of
/// [`ClassificationScores::macro_f1`](crate::ClassificationScores::macro_f1), which is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultilabelScores {
    /// Rows scored.
    pub rows: u64,
    /// Scores over all labels together.
    pub micro: AverageScores,
    /// Mean of the labels' scores.
    #[serde(rename = "macro")]
    pub macro_avg: AverageScores,
    /// Mean of the labels' scores, weighted by their support; 0 where no row has a label.
    pub weighted: AverageScores,
    /// Share of rows whose answered set is the gold set, 0 to 1.
    pub subset_accuracy: f64,
    /// Share of all `[rows, labels]` booleans that are wrong, 0 to 1: less is better.
    pub hamming_loss: f64,
    /// Label ranking average precision (Tsoumakas, Katakis & Vlahavas 2010), above 0 to 1: for each gold label of a
    /// row, the share of gold labels among those of at least its probability; the mean over them and then over rows. A
    /// row without labels, or with all of them, counts as 1.
    pub lrap: f64,
    /// Mean average precision of the labels that have gold rows; 0 where none has.
    pub macro_average_precision: f64,
    /// One entry per label of the task, `[labels]`, also for labels that do not occur.
    pub per_label: Vec<LabelScores>,
}

/// Scores of one label; a ratio with nothing below the line is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LabelScores {
    /// The share of rows that have the label among those answered with it.
    pub precision: f64,
    /// The share of rows answered with the label among those that have it.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Rows that have the label.
    pub support: u64,
    /// Rows answered with the label.
    pub answered: u64,
    /// Area under the curve of precision against recall, as scikit-learn's `average_precision_score`: `Σ (Rₙ − Rₙ₋₁) Pₙ`
    /// over all thresholds. Without gold rows it is undefined and given as 0, as scikit-learn does; with gold rows it is
    /// above 0, and near their share for a ranking that knows nothing.
    pub average_precision: f64,
}

/// Scores `answers` against `gold`, both `[rows, labels]`.
///
/// # Errors
/// [`MetricsError::LabelCount`], [`MetricsError::LengthMismatch`].
pub fn score_multilabel(gold: &LabelSets, answers: &MultilabelAnswers) -> Result<MultilabelScores, MetricsError> {
    let tally = RowEntries::new(gold, answers, "predicted")?.tally();
    let labels = gold.labels();
    let per_label = |label: usize| {
        let probabilities = answers.probabilities().iter().copied().skip(label).step_by(labels);
        let mut rows: Vec<(f64, bool)> = probabilities.zip(gold.column(label)).collect();
        LabelScores {
            precision: tally.labels.precision(label),
            recall: tally.labels.recall(label),
            f1: tally.labels.f1(label),
            support: tally.labels.gold[label],
            answered: tally.labels.predicted[label],
            average_precision: average_precision(&mut rows),
        }
    };
    let per_label: Vec<LabelScores> = (0..labels).map(per_label).collect();
    let with_gold = || per_label.iter().filter(|label| label.support > 0);
    let precisions: f64 = with_gold().map(|label| label.average_precision).sum();
    Ok(MultilabelScores {
        rows: tally.rows,
        micro: tally.micro(),
        macro_avg: tally.macro_avg(),
        weighted: tally.weighted(),
        subset_accuracy: tally.subset_accuracy(),
        hamming_loss: tally.hamming_loss(),
        lrap: tally.mean_lrap(),
        macro_average_precision: precisions / with_gold().count().max(1) as f64,
        per_label,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_those_of_reports() {
        let gold = LabelSets::new(vec![true], 1).unwrap();
        let answers = MultilabelAnswers::from_thresholds(vec![0.7], &[0.5]).unwrap();
        let json = serde_json::to_string(&score_multilabel(&gold, &answers).unwrap()).unwrap();
        let three = r#"{"precision":1.0,"recall":1.0,"f1":1.0,"support":1"#;
        let rest = r#""subset_accuracy":1.0,"hamming_loss":0.0,"lrap":1.0,"macro_average_precision":1.0"#;
        let label = format!(r#"{three},"answered":1,"average_precision":1.0}}"#);
        let averages = format!(r#""micro":{three}}},"macro":{three}}},"weighted":{three}}}"#);
        assert_eq!(json, format!(r#"{{"rows":1,{averages},{rest},"per_label":[{label}]}}"#));
    }

    #[test]
    fn other_shapes_are_refused() {
        let gold = LabelSets::new(vec![true; 6], 2).unwrap();
        let answers = |rows: usize, labels: usize| {
            MultilabelAnswers::from_thresholds(vec![0.7; rows * labels], &vec![0.5; labels]).unwrap()
        };
        let error = score_multilabel(&gold, &answers(2, 3)).unwrap_err();
        assert_eq!(error, MetricsError::LabelCount { gold: 2, other: "predicted", found: 3 });
        let error = score_multilabel(&gold, &answers(2, 2)).unwrap_err();
        assert_eq!(error, MetricsError::LengthMismatch { gold: 3, other: "predicted", found: 2 });
    }
}
