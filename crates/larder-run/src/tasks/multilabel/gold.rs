//! Texts as examples of fine-tuning, and the evaluation of their logits.

use larder_data::{LabelMap, Target};
use larder_finetune::Example;
use larder_metrics::{LabelSets, Metric, MultilabelAnswers, MultilabelMetric, TrainLabels, score_multilabel};

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
        Box::new(SetsJudge { gold: &self.0, labels: labels.len() })
    }
}

/// Judges the labels whose logits are above 0 by macro F1.
struct SetsJudge<'a> {
    gold: &'a [Vec<usize>],
    labels: usize,
}

impl LogitsJudge for SetsJudge<'_> {
    fn score(&self, logits: &[f32]) -> f64 {
        let probabilities: Vec<f64> = logits.iter().map(|&logit| 1.0 / (1.0 + f64::from(-logit).exp())).collect();
        let gold = LabelSets::from_indices(self.gold, self.labels);
        let answers = MultilabelAnswers::from_thresholds(probabilities, &vec![0.5; self.labels]);
        let scores = gold.and_then(|gold| score_multilabel(&gold, &answers?));
        scores.map_or(f64::NAN, |scores| MultilabelMetric::default().of(&scores))
    }
}
