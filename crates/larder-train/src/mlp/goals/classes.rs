//! One class a row.

use larder_graphs::Loss;
use larder_metrics::{ClassificationScores, ConfusionMatrix, class_counts, stratified_folds};

use super::{Goal, HELD_OUT_PARTS, HeldOut, Judgement, Outputs, THRESHOLD_PARTS};
use crate::error::TrainError;
use crate::mlp::epoch::MlpEpoch;
use crate::mlp::network::BatchTargets;
use crate::mlp::output::MlpOutput;
use crate::mlp::settings::MlpSettings;
use crate::mlp::targets::MlpScores;
use crate::settings::ThresholdChoice;
use crate::threshold::{HALF, tune_threshold};
use crate::weight::ClassWeight;

/// One class a row.
pub(in crate::mlp) struct ClassGoal<'a> {
    labels: &'a [usize],
    classes: &'a [String],
    settings: &'a MlpSettings,
    class_weight: ClassWeight,
    held_out: HeldOut,
}

impl<'a> ClassGoal<'a> {
    /// # Errors
    /// [`TrainError`] for labels that do not fit `rows` rows.
    pub fn new(
        rows: usize,
        labels: &'a [usize],
        classes: &'a [String],
        settings: &'a MlpSettings,
    ) -> Result<Self, TrainError> {
        let held_out = held_out(rows, labels, classes, settings.seed)?;
        let class_weight = settings.class_weight.candidates(settings.metric)[0];
        Ok(Self { labels, classes, settings, class_weight, held_out })
    }

    /// One weight a class, by the rows that are fitted; `None` weighs all alike.
    fn class_weights(&self) -> Option<Vec<f32>> {
        if self.class_weight == ClassWeight::None {
            return None;
        }
        let mut counts = vec![0; self.classes.len()];
        for (&label, held_out) in self.labels.iter().zip(&self.held_out.rows) {
            counts[label] += u64::from(!held_out);
        }
        Some(self.class_weight.of_counts(&counts).into_iter().map(|weight| weight as f32).collect())
    }

    /// Row-major `[rows, classes]`, each row adding up to 1.
    fn probabilities(&self, answered: &Outputs) -> Vec<f64> {
        let mut probabilities = Vec::with_capacity(answered.logits.len());
        answered.logits.chunks_exact(self.classes.len()).for_each(|logits| softmax(logits, &mut probabilities));
        probabilities
    }

    fn gold(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter().map(|&row| self.labels[row]).collect()
    }

    /// As the head answers, `[rows]`.
    fn answers(&self, probabilities: &[f64], threshold: Option<f64>) -> Vec<usize> {
        let most_probable = |shares: &[f64]| {
            (0..shares.len()).fold(0, |best, class| if shares[class] > shares[best] { class } else { best })
        };
        let answer = |shares: &[f64]| match threshold {
            Some(threshold) => usize::from(shares[1] >= threshold),
            None => most_probable(shares),
        };
        probabilities.chunks_exact(self.classes.len()).map(answer).collect()
    }

    fn matrix(&self, gold: &[usize], answers: &[usize]) -> Result<ConfusionMatrix, TrainError> {
        Ok(ConfusionMatrix::from_classes(gold, answers, self.classes.len())?)
    }
}

impl Goal for ClassGoal<'_> {
    fn loss(&self) -> Loss {
        let label_smoothing = self.settings.label_smoothing;
        Loss::CrossEntropy { class_weights: self.class_weights(), label_smoothing }
    }

    fn outputs(&self) -> usize {
        self.classes.len()
    }

    fn held_out(&self) -> &HeldOut {
        &self.held_out
    }

    fn unchosen(&self) -> String {
        let threshold = if self.classes.len() == 2 { ", threshold 0.5" } else { "" };
        format!(", class weight {}{threshold}", self.class_weight)
    }

    fn batch(&self, rows: &[usize]) -> BatchTargets {
        BatchTargets::Classes(rows.iter().map(|&row| self.labels[row] as i64).collect())
    }

    fn plain_output(&self) -> MlpOutput {
        MlpOutput::Softmax { threshold: (self.classes.len() == 2).then_some(HALF) }
    }

    /// With a tuned threshold each part of the rows is judged with the one that is best on the other parts.
    fn judge(&self, answered: &Outputs, epoch: &mut MlpEpoch) -> Result<Judgement, TrainError> {
        let gold = self.gold(&answered.rows);
        let probabilities = self.probabilities(answered);
        let mut answers = self.answers(&probabilities, epoch.threshold);
        let ones = gold.iter().filter(|&&class| class == 1).count();
        let parts = THRESHOLD_PARTS.min(ones).min(gold.len() - ones);
        if self.classes.len() == 2 && self.settings.threshold == ThresholdChoice::Tuned && parts > 1 {
            let of_one: Vec<f64> = probabilities.iter().skip(1).step_by(2).copied().collect();
            let part_of_row = stratified_folds(&gold, parts, self.settings.seed)?;
            let tuned = tune_threshold(&of_one, &gold, &part_of_row, parts, self.settings.metric)?;
            (epoch.threshold, epoch.threshold_gain) = (Some(tuned.threshold), Some(tuned.gain));
            answers = tuned.answers;
        }
        let matrix = self.matrix(&gold, &answers)?;
        let gain = self.settings.metric.of(&matrix);
        epoch.score = Some(gain);
        let output = MlpOutput::Softmax { threshold: epoch.threshold };
        Ok(Judgement { gain, output, scores: MlpScores::Classes(ClassificationScores::from(&matrix)) })
    }

    fn scores(&self, answered: &Outputs, output: &MlpOutput) -> Result<MlpScores, TrainError> {
        let threshold = if let MlpOutput::Softmax { threshold } = output { *threshold } else { None };
        let answers = self.answers(&self.probabilities(answered), threshold);
        let matrix = self.matrix(&self.gold(&answered.rows), &answers)?;
        Ok(MlpScores::Classes(ClassificationScores::from(&matrix)))
    }

    fn names(&self) -> (Vec<String>, ClassWeight) {
        (self.classes.to_vec(), self.class_weight)
    }
}

/// Holds out a fifth of each class's rows, if there are enough.
fn held_out(rows: usize, labels: &[usize], classes: &[String], seed: u64) -> Result<HeldOut, TrainError> {
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses { found: classes.len() });
    }
    if labels.len() != rows {
        return Err(TrainError::LabelMismatch { found: labels.len(), expected: rows });
    }
    if let Some(row) = labels.iter().position(|&label| label >= classes.len()) {
        return Err(TrainError::LabelOutOfRange { row, label: labels[row], classes: classes.len() });
    }
    let counts = if rows == 0 { vec![0; classes.len()] } else { class_counts(labels, classes.len())? };
    let empty: Vec<String> =
        classes.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(class, _)| class.clone()).collect();
    if !empty.is_empty() {
        return Err(TrainError::ClassWithoutRows { classes: empty });
    }
    // Rows of two classes are needed on both sides.
    let mut by_count: Vec<usize> = (0..classes.len()).collect();
    by_count.sort_by_key(|&class| std::cmp::Reverse(counts[class]));
    let second = by_count[1];
    let parts = HELD_OUT_PARTS.min(counts[second] as usize);
    if parts < 2 {
        let why = format!(
            "class `{}` has {} training row(s), and two classes of 2 rows at least are needed to hold rows out",
            classes[second], counts[second]
        );
        return Ok(HeldOut { rows: vec![false; rows], too_few: Some(why) });
    }
    HeldOut::one_part(labels, parts, seed)
}

/// Appends the shares of one row.
fn softmax(logits: &[f32], into: &mut Vec<f64>) {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let from = into.len();
    into.extend(logits.iter().map(|&logit| (f64::from(logit) - largest).exp()));
    let sum: f64 = into[from..].iter().sum();
    into[from..].iter_mut().for_each(|share| *share /= sum);
}
