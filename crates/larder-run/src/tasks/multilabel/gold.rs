//! Texts as examples of fine-tuning, and the evaluation of their logits.

use std::cell::RefCell;

use larder_data::{LabelMap, Target};
use larder_finetune::Example;
use larder_metrics::{LabelSets, Metric, MultilabelAnswers, MultilabelMetric, TrainLabels, score_multilabel};
use larder_train::{F1Average, label_thresholds};
use ndarray::Array2;

use crate::RunError;
use crate::examples::{ExampleSettings, GoldRows, LogitsJudge, TokenizedRow, valued};

/// The labels of each text, `[rows]`.
#[derive(Debug, Default)]
pub(super) struct GoldLabels(Vec<Vec<usize>>);

/// Returns the labels of a row.
fn labels_of(row: &TokenizedRow<'_>) -> Option<Vec<String>> {
    match row.batch.targets().get(row.row)? {
        Target::Labels(labels) => Some(labels),
        _ => None,
    }
}

impl GoldRows for GoldLabels {
    fn is_unseen(&self, row: &TokenizedRow<'_>, labels: &LabelMap) -> bool {
        labels_of(row).is_some_and(|found| found.iter().any(|label| labels.index(label).is_err()))
    }

    fn push(
        &mut self,
        row: &TokenizedRow<'_>,
        settings: &ExampleSettings<'_>,
        examples: &mut Vec<Example>,
    ) -> Result<(), RunError> {
        let found = labels_of(row).ok_or_else(|| row.no_label())?;
        let classes: Vec<usize> =
            found.iter().map(|label| row.class(label, settings.labels)).collect::<Result<_, _>>()?;
        let value = |label: usize| if classes.contains(&label) { 1.0 } else { 0.0 };
        examples.push(valued(row, (0..settings.labels.len()).map(value).collect()));
        self.0.push(classes);
        Ok(())
    }

    fn counts(&self, classes: usize) -> Vec<usize> {
        let all: Vec<usize> = self.0.iter().flatten().copied().collect();
        crate::features::counts(&all, classes)
    }

    fn train_labels(&self, labels: usize) -> Option<TrainLabels> {
        LabelSets::from_indices(&self.0, labels).ok().map(|sets| TrainLabels::of(&sets))
    }

    fn judge<'a>(&'a self, labels: &LabelMap, _: Metric, _: &[bool]) -> Box<dyn LogitsJudge + 'a> {
        let has = |row: usize, label: usize| self.0[row].contains(&label);
        let gold = Array2::from_shape_fn((self.0.len(), labels.len()), |(row, label)| has(row, label));
        Box::new(SetsJudge { gold, thresholds: RefCell::default() })
    }
}

/// Judges by macro F1 under the thresholds that are best for these rows, as those of a head on cached features are for held-out
/// rows of train.
struct SetsJudge {
    /// `[rows, labels]`
    gold: Array2<bool>,
    thresholds: RefCell<Vec<f64>>,
}

impl LogitsJudge for SetsJudge {
    fn score(&self, logits: &[f32]) -> f64 {
        let probability = |logit: &f32| 1.0 / (1.0 + f64::from(-logit).exp());
        let probabilities = Array2::from_shape_vec(self.gold.dim(), logits.iter().map(probability).collect());
        let Ok(probabilities) = probabilities else { return f64::NAN };
        if probabilities.iter().any(|probability| probability.is_nan()) || self.gold.is_empty() {
            return f64::NAN;
        }
        let thresholds = label_thresholds(F1Average::MacroF1, &probabilities, self.gold.view());
        let sets = LabelSets::new(self.gold.iter().copied().collect(), self.gold.ncols());
        let answers = MultilabelAnswers::from_thresholds(probabilities.into_iter().collect(), &thresholds);
        let scores = sets.and_then(|sets| score_multilabel(&sets, &answers?));
        self.thresholds.replace(thresholds);
        scores.map_or(f64::NAN, |scores| MultilabelMetric::default().of(&scores))
    }

    fn thresholds(&self) -> Vec<f64> {
        self.thresholds.borrow().clone()
    }
}
