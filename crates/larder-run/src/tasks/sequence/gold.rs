//! Texts as examples of fine-tuning, and the evaluation of their logits.

use larder_data::LabelMap;
use larder_finetune::Example;
use larder_metrics::{ConfusionMatrix, Metric};

use crate::RunError;
use crate::examples::{ExampleSettings, GoldRows, LogitsJudge, TokenizedRow, as_label};

/// The class of each text, `[rows]`.
#[derive(Debug, Default)]
pub(super) struct GoldClasses(Vec<usize>);

impl GoldRows for GoldClasses {
    fn is_unseen(&self, row: &TokenizedRow<'_>, labels: &LabelMap) -> bool {
        row.batch.label(row.row).is_some_and(|label| labels.index(label).is_err())
    }

    fn push(
        &mut self,
        row: &TokenizedRow<'_>,
        settings: &ExampleSettings<'_>,
        examples: &mut Vec<Example>,
    ) -> Result<(), RunError> {
        let label = row.batch.label(row.row).ok_or_else(|| row.no_label())?;
        let class = row.class(label, settings.labels)?;
        self.0.push(class);
        let wide = |ids: &[i32]| ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>();
        let example = Example::new(wide(row.batch.input_ids(row.row)), as_label(class));
        examples.push(Example { token_type_ids: row.batch.type_ids(row.row).map(wide).unwrap_or_default(), ..example });
        Ok(())
    }

    fn counts(&self, classes: usize) -> Vec<usize> {
        crate::features::counts(&self.0, classes)
    }

    fn judge<'a>(&'a self, labels: &LabelMap, metric: Metric, _: &[bool]) -> Box<dyn LogitsJudge + 'a> {
        Box::new(ClassJudge { gold: &self.0, classes: labels.len(), metric })
    }
}

/// Judges answers by a metric.
struct ClassJudge<'a> {
    gold: &'a [usize],
    classes: usize,
    metric: Metric,
}

impl LogitsJudge for ClassJudge<'_> {
    fn score(&self, logits: &[f32]) -> f64 {
        let answers: Vec<usize> = logits.chunks(self.classes).map(first_of_largest).collect();
        let matrix = ConfusionMatrix::from_classes(self.gold, &answers, self.classes);
        matrix.map_or(f64::NAN, |matrix| self.metric.of(&matrix))
    }
}

fn first_of_largest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    best
}
