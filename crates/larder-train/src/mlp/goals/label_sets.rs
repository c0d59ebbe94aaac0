//! Any number of labels a row.

use larder_graphs::Loss;
use larder_metrics::{LabelSets, MultilabelAnswers, MultilabelMetric, score_multilabel, stratified_folds};
use ndarray::{Array2, ArrayView2, Axis};

use super::{Goal, HeldOut, Judgement, Outputs, THRESHOLD_PARTS, check_unweighted};
use crate::error::TrainError;
use crate::mlp::epoch::MlpEpoch;
use crate::mlp::network::BatchTargets;
use crate::mlp::output::MlpOutput;
use crate::mlp::settings::MlpSettings;
use crate::mlp::targets::MlpScores;
use crate::multilabel::{F1Average, label_thresholds};
use crate::settings::ThresholdChoice;
use crate::threshold::HALF;
use crate::weight::ClassWeight;

/// Any number of labels a row.
pub(in crate::mlp) struct LabelSetGoal<'a> {
    sets: ArrayView2<'a, bool>,
    labels: &'a [String],
    metric: MultilabelMetric,
    /// The rarest label of each row, or the number of labels for a row without any, `[rows]`: rows of like strata are dealt
    /// out evenly, and so are the labels that need it most.
    strata: Vec<usize>,
    /// The F1 that thresholds are chosen by; `None` where all stay at the half.
    tuned_by: Option<F1Average>,
    seed: u64,
    held_out: HeldOut,
}

impl<'a> LabelSetGoal<'a> {
    /// # Errors
    /// [`TrainError`] for sets that do not fit `rows` rows or `labels`, and labels that no row has.
    pub fn new(
        rows: usize,
        sets: ArrayView2<'a, bool>,
        labels: &'a [String],
        metric: MultilabelMetric,
        settings: &MlpSettings,
    ) -> Result<Self, TrainError> {
        check_unweighted(settings)?;
        let (found, columns) = sets.dim();
        if labels.is_empty() || labels.len() != columns {
            return Err(TrainError::LabelColumns { found: columns, expected: labels.len() });
        }
        if found != rows {
            return Err(TrainError::LabelMismatch { found, expected: rows });
        }
        let counts: Vec<usize> = sets.columns().into_iter().map(|has| has.iter().filter(|has| **has).count()).collect();
        let empty: Vec<String> =
            labels.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(label, _)| label.clone()).collect();
        if !empty.is_empty() {
            return Err(TrainError::ClassWithoutRows { classes: empty });
        }
        let rarest = |row: usize| (0..columns).filter(|&label| sets[[row, label]]).min_by_key(|&label| counts[label]);
        let strata: Vec<usize> = (0..rows).map(|row| rarest(row).unwrap_or(columns)).collect();
        let held_out = HeldOut::fifth(&strata, settings.seed)?;
        let average = match metric {
            MultilabelMetric::MacroF1 | MultilabelMetric::WeightedF1 => Some(F1Average::MacroF1),
            MultilabelMetric::MicroF1 => Some(F1Average::MicroF1),
            // A whole set is right most often at the half, and an order has no threshold.
            MultilabelMetric::SubsetAccuracy | MultilabelMetric::Lrap => None,
        };
        let tuned_by = average.filter(|_| settings.threshold == ThresholdChoice::Tuned);
        Ok(Self { sets, labels, metric, strata, tuned_by, seed: settings.seed, held_out })
    }

    fn half(&self) -> Vec<f64> {
        vec![HALF; self.labels.len()]
    }

    fn gold(&self, rows: &[usize]) -> Result<LabelSets, TrainError> {
        let values = rows.iter().flat_map(|&row| self.sets.row(row).into_iter().copied()).collect();
        Ok(LabelSets::new(values, self.labels.len())?)
    }

    /// The best thresholds on the rows at these places of `answered`; `probabilities` is `[rows, labels]`.
    fn thresholds(
        &self,
        average: F1Average,
        answered: &Outputs,
        probabilities: &Array2<f64>,
        places: &[usize],
    ) -> Vec<f64> {
        let rows: Vec<usize> = places.iter().map(|&place| answered.rows[place]).collect();
        let gold = self.sets.select(Axis(0), &rows);
        label_thresholds(average, &probabilities.select(Axis(0), places), gold.view())
    }

    /// The sets that are answered, `[rows, labels]`, each of the parts with the thresholds that are best on the others.
    fn held_out_sets(
        &self,
        average: F1Average,
        answered: &Outputs,
        probabilities: &Array2<f64>,
    ) -> Result<Vec<bool>, TrainError> {
        let strata: Vec<usize> = answered.rows.iter().map(|&row| self.strata[row]).collect();
        let parts = THRESHOLD_PARTS.min(strata.len());
        let part_of_row = stratified_folds(&strata, parts, self.seed)?;
        let mut sets = Array2::from_elem(probabilities.dim(), false);
        for part in 0..parts {
            let (own, others): (Vec<usize>, Vec<usize>) =
                (0..strata.len()).partition(|&place| part_of_row[place] == part);
            let thresholds = self.thresholds(average, answered, probabilities, &others);
            for place in own {
                for (label, threshold) in thresholds.iter().enumerate() {
                    sets[[place, label]] = probabilities[[place, label]] >= *threshold;
                }
            }
        }
        Ok(sets.into_iter().collect())
    }
}

impl Goal for LabelSetGoal<'_> {
    fn loss(&self) -> Loss {
        Loss::BinaryCrossEntropy { positive_weight: 1.0 }
    }

    fn outputs(&self) -> usize {
        self.labels.len()
    }

    fn held_out(&self) -> &HeldOut {
        &self.held_out
    }

    fn unchosen(&self) -> String {
        ", thresholds 0.5".to_owned()
    }

    fn batch(&self, rows: &[usize]) -> BatchTargets {
        let values = rows.iter().flat_map(|&row| self.sets.row(row).into_iter());
        let values = values.map(|&has| f32::from(u8::from(has))).collect();
        BatchTargets::Values { values, columns: self.labels.len() }
    }

    fn plain_output(&self) -> MlpOutput {
        MlpOutput::Sigmoid { thresholds: self.half() }
    }

    /// The thresholds are the best on all rows; each part of them is judged with those that are best on the others.
    fn judge(&self, answered: &Outputs, epoch: &mut MlpEpoch) -> Result<Judgement, TrainError> {
        let probabilities = sigmoids(&answered.logits);
        let rows = answered.rows.len();
        let (thresholds, sets) = match self.tuned_by.filter(|_| rows > 1) {
            Some(average) => {
                let table = Array2::from_shape_fn((rows, self.labels.len()), |(row, label)| {
                    probabilities[row * self.labels.len() + label]
                });
                let all: Vec<usize> = (0..rows).collect();
                let sets = self.held_out_sets(average, answered, &table)?;
                (self.thresholds(average, answered, &table, &all), LabelSets::new(sets, self.labels.len())?)
            }
            None => (self.half(), LabelSets::from_thresholds(&probabilities, &self.half())?),
        };
        let answers = MultilabelAnswers::new(sets, probabilities)?;
        let scores = score_multilabel(&self.gold(&answered.rows)?, &answers)?;
        let gain = self.metric.of(&scores);
        epoch.score = Some(gain);
        Ok(Judgement { gain, output: MlpOutput::Sigmoid { thresholds }, scores: MlpScores::LabelSets(scores) })
    }

    fn scores(&self, answered: &Outputs, output: &MlpOutput) -> Result<MlpScores, TrainError> {
        let thresholds = if let MlpOutput::Sigmoid { thresholds } = output { thresholds } else { &self.half() };
        let answers = MultilabelAnswers::from_thresholds(sigmoids(&answered.logits), thresholds)?;
        Ok(MlpScores::LabelSets(score_multilabel(&self.gold(&answered.rows)?, &answers)?))
    }

    fn names(&self) -> (Vec<String>, ClassWeight) {
        (self.labels.to_vec(), ClassWeight::None)
    }
}

fn sigmoids(logits: &[f32]) -> Vec<f64> {
    logits.iter().map(|&logit| 1.0 / (1.0 + (-f64::from(logit)).exp())).collect()
}
