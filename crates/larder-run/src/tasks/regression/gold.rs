//! Texts as examples of fine-tuning, and the evaluation of the numbers answered.

use larder_data::{LabelMap, Target};
use larder_diagnose::TargetSummary;
use larder_finetune::Example;
use larder_metrics::{Metric, RegressionMetric, score_regression};
use larder_train::TargetScale;

use crate::RunError;
use crate::examples::{ExampleSettings, GoldRows, LogitsJudge, TokenizedRow, valued};

/// The number of each text, `[rows]`.
#[derive(Debug, Default)]
pub(super) struct GoldNumbers(Vec<f64>);

impl GoldRows for GoldNumbers {
    fn is_unseen(&self, _: &TokenizedRow<'_>, _: &LabelMap) -> bool {
        false
    }

    fn push(
        &mut self,
        row: &TokenizedRow<'_>,
        _: &ExampleSettings<'_>,
        examples: &mut Vec<Example>,
    ) -> Result<(), RunError> {
        let Some(Target::Number(number)) = row.batch.targets().get(row.row) else { return Err(row.no_label()) };
        self.0.push(number);
        examples.push(valued(row, vec![number as f32]));
        Ok(())
    }

    fn counts(&self, _: usize) -> Vec<usize> {
        vec![self.0.len()]
    }

    fn scale(&self) -> Option<TargetScale> {
        Some(TargetScale::of(self.0.iter().copied()))
    }

    fn numbers(&self) -> Option<TargetSummary> {
        Some(TargetSummary::of(&self.0))
    }

    fn judge<'a>(&'a self, _: &LabelMap, _: Metric, _: &[bool]) -> Box<dyn LogitsJudge + 'a> {
        Box::new(NumberJudge(&self.0))
    }
}

/// Judges numbers by their correlation with the right ones, whatever unit and offset they are in.
struct NumberJudge<'a>(&'a [f64]);

impl LogitsJudge for NumberJudge<'_> {
    fn score(&self, logits: &[f32]) -> f64 {
        let answers: Vec<f64> = logits.iter().map(|&answer| f64::from(answer)).collect();
        score_regression(self.0, &answers).map_or(f64::NAN, |scores| RegressionMetric::default().of(&scores))
    }
}
