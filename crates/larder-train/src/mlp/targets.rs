//! The targets that a perceptron is trained on, and its scores on them.

use larder_metrics::{ClassificationScores, MultilabelMetric, MultilabelScores, RegressionMetric, RegressionScores};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// The targets of the training rows.
#[derive(Debug, Clone, Copy)]
pub enum MlpTargets<'a> {
    /// One class a row, under softmax cross-entropy. [`MlpSettings::metric`](crate::MlpSettings::metric) chooses the epoch.
    Classes {
        /// `[rows]`, indices of `classes`.
        labels: &'a [usize],
        /// The classes' names.
        classes: &'a [String],
    },
    /// Any number of labels a row, under binary cross-entropy.
    LabelSets {
        /// `[rows, labels]`: has the row the label?
        sets: ArrayView2<'a, bool>,
        /// The labels' names.
        labels: &'a [String],
        /// The metric that chooses the epoch. Thresholds are chosen for F1 where this is one; with the others they are 0.5.
        metric: MultilabelMetric,
    },
    /// One number a row, under the squared error.
    Numbers {
        /// `[rows]`, in any unit: they are standardised while training, and the head answers in their unit.
        numbers: &'a [f64],
        /// The metric that chooses the epoch.
        metric: RegressionMetric,
    },
}

/// Scores of a perceptron, of the kind of its targets. In files they stand by themselves, as their names tell them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MlpScores {
    /// Of one class a row.
    Classes(ClassificationScores),
    /// Of label sets.
    LabelSets(MultilabelScores),
    /// Of numbers.
    Numbers(RegressionScores),
}

impl MlpScores {
    /// Returns the scores of one class a row; `None` of other targets.
    pub fn classes(&self) -> Option<&ClassificationScores> {
        match self {
            Self::Classes(scores) => Some(scores),
            Self::LabelSets(_) | Self::Numbers(_) => None,
        }
    }

    /// Returns the scores of label sets; `None` of other targets.
    pub fn label_sets(&self) -> Option<&MultilabelScores> {
        match self {
            Self::LabelSets(scores) => Some(scores),
            Self::Classes(_) | Self::Numbers(_) => None,
        }
    }

    /// Returns the scores of numbers; `None` of other targets.
    pub fn numbers(&self) -> Option<&RegressionScores> {
        match self {
            Self::Numbers(scores) => Some(scores),
            Self::Classes(_) | Self::LabelSets(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_metrics::{ConfusionMatrix, LabelSets, MultilabelAnswers, score_multilabel, score_regression};

    use super::*;

    #[test]
    fn scores_are_read_as_what_they_are() {
        let classes = ClassificationScores::from(&ConfusionMatrix::from_classes(&[0, 1, 1], &[0, 1, 0], 2).unwrap());
        // Files of earlier versions hold the scores of classes as they are.
        let earlier = serde_json::to_string(&classes).unwrap();
        let sets = LabelSets::new(vec![true, false, true, true], 2).unwrap();
        let answers = MultilabelAnswers::new(sets.clone(), vec![0.75, 0.25, 0.5, 0.5]).unwrap();
        let label_sets = score_multilabel(&sets, &answers).unwrap();
        let numbers = score_regression(&[1.0, 2.0, 4.0], &[1.0, 2.5, 3.5]).unwrap();
        let all = [MlpScores::Classes(classes), MlpScores::LabelSets(label_sets), MlpScores::Numbers(numbers)];
        for scores in &all {
            let text = serde_json::to_string(scores).unwrap();
            assert_eq!(&serde_json::from_str::<MlpScores>(&text).unwrap(), scores, "{text}");
        }
        assert_eq!(serde_json::from_str::<MlpScores>(&earlier).unwrap(), all[0]);
    }
}
