//! One number a row.

use larder_graphs::Loss;
use larder_metrics::{RegressionMetric, RegressionScores, score_regression};

use super::{Goal, HeldOut, Judgement, Outputs, check_unweighted};
use crate::error::TrainError;
use crate::mlp::epoch::MlpEpoch;
use crate::mlp::network::BatchTargets;
use crate::mlp::output::MlpOutput;
use crate::mlp::settings::MlpSettings;
use crate::mlp::target_scale::TargetScale;
use crate::mlp::targets::MlpScores;

/// One number a row.
pub(in crate::mlp) struct NumberGoal<'a> {
    numbers: &'a [f64],
    metric: RegressionMetric,
    /// Measured on the rows that are fitted.
    scale: TargetScale,
    held_out: HeldOut,
}

impl<'a> NumberGoal<'a> {
    /// # Errors
    /// [`TrainError`] for numbers that do not fit `rows` rows, are not finite, or are all the same.
    pub fn new(
        rows: usize,
        numbers: &'a [f64],
        metric: RegressionMetric,
        settings: &MlpSettings,
    ) -> Result<Self, TrainError> {
        check_unweighted(settings)?;
        if numbers.len() != rows {
            return Err(TrainError::LabelMismatch { found: numbers.len(), expected: rows });
        }
        if let Some(row) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(TrainError::NonFiniteTarget { row, value: numbers[row] });
        }
        if numbers.iter().all(|number| *number == numbers[0]) {
            return Err(TrainError::ConstantTargets { rows, value: numbers.first().copied() });
        }
        // Neighbours in size are dealt out evenly: held-out numbers are spread as all are.
        let mut by_size: Vec<usize> = (0..rows).collect();
        by_size.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        let mut strata = vec![0; rows];
        by_size.iter().enumerate().for_each(|(rank, &row)| strata[row] = rank / super::HELD_OUT_PARTS);
        let held_out = HeldOut::fifth(&strata, settings.seed)?;
        let fitted = numbers.iter().zip(&held_out.rows).filter(|(_, held_out)| !**held_out);
        let scale = TargetScale::of(fitted.map(|(&number, _)| number));
        Ok(Self { numbers, metric, scale, held_out })
    }

    fn score(&self, answered: &Outputs) -> Result<RegressionScores, TrainError> {
        let gold: Vec<f64> = answered.rows.iter().map(|&row| self.numbers[row]).collect();
        let found: Vec<f64> = answered.logits.iter().map(|&output| self.scale.restore(f64::from(output))).collect();
        Ok(score_regression(&gold, &found)?)
    }
}

impl Goal for NumberGoal<'_> {
    fn loss(&self) -> Loss {
        Loss::MeanSquaredError
    }

    fn outputs(&self) -> usize {
        1
    }

    fn held_out(&self) -> &HeldOut {
        &self.held_out
    }

    fn unchosen(&self) -> String {
        String::new()
    }

    fn batch(&self, rows: &[usize]) -> BatchTargets {
        let values = rows.iter().map(|&row| self.scale.standardise(self.numbers[row]) as f32).collect();
        BatchTargets::Values { values, columns: 1 }
    }

    fn plain_output(&self) -> MlpOutput {
        MlpOutput::ANY_NUMBER
    }

    fn judge(&self, answered: &Outputs, epoch: &mut MlpEpoch) -> Result<Judgement, TrainError> {
        let scores = self.score(answered)?;
        let score = self.metric.of(&scores);
        epoch.score = Some(score);
        Ok(Judgement {
            gain: self.metric.gain(score),
            output: MlpOutput::ANY_NUMBER,
            scores: MlpScores::Numbers(scores),
        })
    }

    fn scores(&self, answered: &Outputs, _: &MlpOutput) -> Result<MlpScores, TrainError> {
        Ok(MlpScores::Numbers(self.score(answered)?))
    }

    fn fold(&self, weights: &mut [f32], bias: &mut [f32]) {
        bias.iter_mut().for_each(|bias| self.scale.fold(weights, bias));
    }
}
