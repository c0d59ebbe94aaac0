//! Heads that were trained together with their encoder: the same kinds of head, reading its features as they are.

use larder_tags::TagSet;
use ndarray::Array2;

use crate::head::{HeadColumn, LogisticHead};
use crate::multilabel::MultilabelHead;
use crate::objective::outputs_of;
use crate::ridge::RidgeHead;
use crate::standardise::Standardiser;
use crate::tagging::{TaggerKind, TaggingHead};
use crate::threshold::HALF;
use crate::weight::ClassWeight;

/// The strength of a head that was trained without a penalty: what is left of `|weights|² / (2 C)` is lost in rounding.
pub const NO_PENALTY: f64 = 1e300;

/// A linear classifier on one column: `logits = x · weightsᵀ + bias`, float32.
#[derive(Debug, Clone, Copy)]
pub struct Classifier<'a> {
    /// The column's name.
    pub column: &'a str,
    /// Row-major `[classes, width]`.
    pub weights: &'a [f32],
    /// `[classes]`.
    pub bias: &'a [f32],
}

impl Classifier<'_> {
    /// As a head for one label a text, which answers the most probable class.
    ///
    /// # Panics
    /// When the numbers of weights, biases and classes do not go together: the caller's arithmetic is wrong.
    pub fn into_head(self, classes: &[String]) -> LogisticHead {
        let (rows, bias) = self.numbers(classes.len());
        // Of two classes a head has the difference.
        let (weights, intercept) = match outputs_of(classes.len()) {
            1 => ((&rows.row(1) - &rows.row(0)).insert_axis(ndarray::Axis(0)), vec![bias[1] - bias[0]]),
            _ => (rows, bias),
        };
        let width = weights.ncols();
        LogisticHead {
            classes: classes.to_vec(),
            columns: vec![HeadColumn { name: self.column.to_owned(), width }],
            weights,
            intercept,
            standardiser: Standardiser::identity(width),
            threshold: (classes.len() == 2).then_some(0.5),
            class_weight: ClassWeight::None,
            c: NO_PENALTY,
        }
    }

    /// As a head for any number of labels a text, which answers those of probability 0.5 or more.
    ///
    /// # Panics
    /// As [`Classifier::into_head`].
    pub fn into_multilabel(self, labels: &[String]) -> MultilabelHead {
        let (weights, intercept) = self.numbers(labels.len());
        let width = weights.ncols();
        MultilabelHead {
            labels: labels.to_vec(),
            columns: vec![HeadColumn { name: self.column.to_owned(), width }],
            weights,
            intercept,
            standardiser: Standardiser::identity(width),
            thresholds: vec![HALF; labels.len()],
            class_weight: ClassWeight::None,
            c: vec![NO_PENALTY; labels.len()],
        }
    }

    /// As a head for a number a text: the one logit.
    ///
    /// # Panics
    /// As [`Classifier::into_head`].
    pub fn into_ridge(self) -> RidgeHead {
        let (weights, bias) = self.numbers(1);
        let width = weights.ncols();
        RidgeHead {
            columns: vec![HeadColumn { name: self.column.to_owned(), width }],
            weights: weights.into_raw_vec_and_offset().0,
            intercept: bias[0],
            standardiser: Standardiser::identity(width),
            alpha: 0.0,
            minimum: None,
            maximum: None,
        }
    }

    /// As a head for one tag a word, which answers the best legal sequence of the tags that were `seen_in_training`, `[classes]`.
    ///
    /// # Panics
    /// As [`Classifier::into_head`].
    pub fn into_tagger(self, tags: &TagSet, seen_in_training: Vec<bool>) -> TaggingHead {
        let classes = tags.len();
        let (weights, bias) = self.numbers(classes);
        let width = weights.ncols();
        assert_eq!(seen_in_training.len(), classes, "one a class");
        TaggingHead {
            kind: TaggerKind::Logistic,
            tags: tags.clone(),
            columns: vec![HeadColumn { name: self.column.to_owned(), width }],
            weights,
            bias,
            transitions: Array2::zeros((classes, classes)),
            start: vec![0.0; classes],
            seen_in_training,
            standardiser: Standardiser::identity(width),
            outside_bias: 0.0,
            class_weight: ClassWeight::None,
            c: NO_PENALTY,
        }
    }

    /// `[classes, width]` and `[classes]`.
    fn numbers(&self, classes: usize) -> (Array2<f64>, Vec<f64>) {
        assert_eq!(self.bias.len(), classes, "one a class");
        let weights: Vec<f64> = self.weights.iter().map(|&weight| f64::from(weight)).collect();
        let width = weights.len() / classes;
        let weights = Array2::from_shape_vec((classes, width), weights).expect("a row a class");
        (weights, self.bias.iter().map(|&bias| f64::from(bias)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::FeatureColumn;
    use crate::tagging::WordsInMemory;

    fn softmax(logits: &[f64]) -> Vec<f64> {
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        logits.iter().map(|logit| logit.exp() / sum).collect()
    }

    #[test]
    fn heads_answer_as_the_classifier_does() {
        let x = Array2::from_shape_vec((2, 2), vec![1.0_f32, -2.0, 0.5, 3.0]).unwrap();
        for classes in [2, 3] {
            let weights: Vec<f32> = (0..classes * 2).map(|i| 0.3 * i as f32 - 0.4).collect();
            let bias: Vec<f32> = (0..classes).map(|i| 0.1 * i as f32).collect();
            let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
            let head = Classifier { column: "pooler", weights: &weights, bias: &bias }.into_head(&names);
            let folder = tempfile::tempdir().unwrap();
            head.save(folder.path()).unwrap();
            assert_eq!(LogisticHead::load(folder.path()).unwrap(), head);
            let column = FeatureColumn::new("pooler", x.clone());
            let found = head.probabilities(&[&column]).unwrap();
            for (row, x) in found.rows().into_iter().zip(x.rows()) {
                let logit =
                    |class: usize| f64::from(weights[2 * class] * x[0] + weights[2 * class + 1] * x[1] + bias[class]);
                let expected = softmax(&(0..classes).map(logit).collect::<Vec<_>>());
                // The logits here are worked out in float32.
                assert!(row.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{row} {expected:?}");
            }
        }
    }

    #[test]
    fn a_tagger_answers_legal_sequences_of_known_tags() {
        let tags = TagSet::new(["per".to_owned()]);
        // The scores of O, B-per and I-per are the features themselves.
        let weights = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let head =
            Classifier { column: "embedding", weights: &weights, bias: &[0.0; 3] }.into_tagger(&tags, vec![true; 3]);
        let features = Array2::from_shape_vec((3, 3), vec![0.0_f32, 1.0, 2.0, 0.0, 0.5, 2.0, 3.0, 0.0, 0.0]).unwrap();
        let words = WordsInMemory::new(vec![FeatureColumn::new("embedding", features)], vec![3], Vec::new()).unwrap();
        // The first word alone would be I-per, which nothing may start with.
        assert_eq!(head.tag(&words).unwrap()[0].classes, [1, 2, 0]);
    }
}
