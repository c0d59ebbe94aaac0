//! The numbers that a report prints, always together.

use serde::{Deserialize, Serialize};

use crate::classification::ConfusionMatrix;

/// All scores of one predictor on one split; field names are those of reports and files.
///
/// Made from a [`ConfusionMatrix`] by `From`. Values agree with scikit-learn's `matthews_corrcoef`,
/// `accuracy_score`, and `f1_score` and `precision_recall_fscore_support` with `zero_division=0`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassificationScores {
    /// Rows scored.
    pub rows: u64,
    /// Share of right answers, 0 to 1.
    pub accuracy: f64,
    /// Matthews' correlation coefficient, for more than two classes Gorodkin's R_K (2004): 1 for all right, 0 for
    /// chance and for every constant answer (where it is undefined), never below -1.
    pub mcc: f64,
    /// Mean F1 over the classes that occur on this split, as gold or as answer; a class that does neither has no F1
    /// and is left out, as scikit-learn does unless it is given `labels`.
    pub macro_f1: f64,
    /// Mean of the classes' F1, weighted by their support.
    pub weighted_f1: f64,
    /// One entry per class of the task, `[classes]`, also for classes that do not occur.
    pub per_class: Vec<ClassScores>,
}

/// Scores of one class against all others; a ratio with nothing below the line is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The share of rows that are right among those answered with this class; 0 when there are none.
    pub precision: f64,
    /// The share of rows that were found among those of this class; 0 when there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 when the class does not occur at all.
    pub f1: f64,
    /// Rows of this class.
    pub support: u64,
}

impl From<&ConfusionMatrix> for ClassificationScores {
    fn from(matrix: &ConfusionMatrix) -> Self {
        let margins = matrix.margins();
        let per_class = |class| ClassScores {
            precision: margins.precision(class),
            recall: margins.recall(class),
            f1: margins.f1(class),
            support: margins.gold[class],
        };
        Self {
            rows: margins.rows(),
            accuracy: margins.accuracy(),
            mcc: margins.mcc(),
            macro_f1: margins.macro_f1(),
            weighted_f1: margins.weighted_f1(),
            per_class: (0..matrix.classes()).map(per_class).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_those_of_reports() {
        let matrix = ConfusionMatrix::from_classes(&[0, 1], &[0, 1], 2).unwrap();
        let json = serde_json::to_string(&ClassificationScores::from(&matrix)).unwrap();
        let class = r#"{"precision":1.0,"recall":1.0,"f1":1.0,"support":1}"#;
        let scores = r#""rows":2,"accuracy":1.0,"mcc":1.0,"macro_f1":1.0,"weighted_f1":1.0"#;
        assert_eq!(json, format!("{{{scores},\"per_class\":[{class},{class}]}}"));
    }

    #[test]
    fn counts_beyond_32_bits_do_not_overflow() {
        let huge = 1_u64 << 40;
        let matrix = ConfusionMatrix::try_from(vec![vec![3 * huge, huge], vec![huge, 3 * huge]]).unwrap();
        let scores = ClassificationScores::from(&matrix);
        assert!((scores.mcc - 0.5).abs() < 1e-12);
        assert!((scores.macro_f1 - 0.75).abs() < 1e-12);
    }
}
