//! A multi-layer perceptron on cached features, trained through an exported graph.
//!
//! A fifth of the rows is held out; after each epoch it is answered and scored, and the parameters with the best score are
//! kept. Where too few rows are there to hold any out, all epochs are run and the last parameters are kept. Features are read
//! block by block, so that a cache larger than memory can be trained on.

use larder_graphs::dropout_key;
use larder_metrics::{ClassificationScores, ConfusionMatrix, class_counts, stratified_folds};
use larder_runtime::Runtime;
use serde::{Deserialize, Serialize};

use super::head::MlpHead;
use super::network::Network;
use super::settings::MlpSettings;
use super::source::FeatureRows;
use super::stream::{RowUse, Stream};
use crate::error::TrainError;
use crate::settings::ThresholdChoice;
use crate::threshold::{HALF, TuningGain, tune_threshold};
use crate::weight::ClassWeight;

/// One row in so many is held out: the usual fifth.
const HELD_OUT_PARTS: usize = 5;

/// Parts of the held-out rows, each of which is judged with the threshold that is best on the others.
const THRESHOLD_PARTS: usize = 5;

/// Rows that are answered at a time.
const EVALUATED_ROWS: usize = 256;

/// One epoch, after its last step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpEpoch {
    /// From 1.
    pub epoch: usize,
    /// Steps that are done.
    pub steps: usize,
    /// The mean loss of the epoch's batches, each before its step, with dropout.
    pub loss: f64,
    /// The loss of the held-out rows, weighed by class as in training; `None` where none are held out.
    pub held_out_loss: Option<f64>,
    /// The metric on the held-out rows; with a tuned threshold each part of them is judged with the one that is best on the
    /// other parts. `None` where none are held out.
    pub score: Option<f64>,
    /// The best threshold on all of them where that gains more than one standard error, else 0.5; `None` for more than two
    /// classes.
    pub threshold: Option<f64>,
    /// The gain from tuning the threshold; `None` where it is not tuned.
    #[serde(default)]
    pub threshold_gain: Option<TuningGain>,
}

/// A trained head and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedMlp {
    /// The head, with the best epoch's parameters.
    pub head: MlpHead,
    /// All epochs that were run.
    pub epochs: Vec<MlpEpoch>,
    /// The place of the best one.
    pub best: usize,
    /// Rows that were held out.
    pub held_out_rows: usize,
    /// Scores on the rows that the head was fitted on.
    pub train_scores: ClassificationScores,
    /// Scores on the held-out rows, if there are any. The choice of the epoch, and whether the threshold is tuned, saw them, so
    /// they are slightly optimistic.
    pub held_out_scores: Option<ClassificationScores>,
    /// Why none were held out, and what was taken, in words.
    pub unchosen: Option<String>,
}

/// Trains a perceptron on `rows` and their `labels` (`[rows]`, indices of `classes`), with `threads` threads (0: one a core).
///
/// All columns are read side by side. Held out are rows of each class by its share, drawn by the seed. The same input and
/// settings give the same head.
///
/// # Errors
/// [`TrainError::Setting`]; [`TrainError::MlpNotFinite`] when the loss or the gradients are no longer finite;
/// [`TrainError::NonFinite`] for features that are not, [`TrainError::LabelOutOfRange`],
/// [`TrainError::ClassWithoutRows`] and the like for labels that do not fit; [`TrainError::Run`].
pub fn train_mlp(
    runtime: &Runtime,
    rows: &dyn FeatureRows,
    labels: &[usize],
    classes: &[String],
    settings: &MlpSettings,
    threads: usize,
    progress: &mut dyn FnMut(&MlpEpoch),
) -> Result<TrainedMlp, TrainError> {
    settings.check()?;
    let HeldOut { rows: held_out, too_few } = held_out(rows.rows(), labels, classes, settings.seed)?;
    let class_weight = settings.class_weight.candidates(settings.metric)[0];
    let unchosen = too_few.map(|why| {
        format!(
            "{why}: all {} epochs, class weight {class_weight}{}; nothing tells how the head does on rows that it has not seen",
            settings.epochs,
            if classes.len() == 2 { ", threshold 0.5" } else { "" }
        )
    });
    let weights = class_weights(class_weight, labels, &held_out, classes.len());
    let mut stream = Stream::new(rows, &held_out, settings)?;
    let mut network =
        Network::new(runtime, &settings.spec(stream.width(), classes.len(), weights), settings.seed, threads)?;
    let scorer = Scorer { labels, classes: classes.len(), settings };

    let plan = stream.plan(settings);
    let mut epochs: Vec<MlpEpoch> = Vec::new();
    let (mut best, mut kept, mut kept_answers) = (0, network.values().to_vec(), Vec::new());
    let mut step = 0;
    let rate = |step: usize| settings.learning_rate * settings.schedule.factor(step - 1, plan.steps, settings.warmup);
    for epoch in 0..settings.epochs {
        let (mut loss, mut counted) = (0.0, 0.0);
        stream.batches(&plan, epoch, &mut |batch| {
            let labels: Vec<i64> = batch.rows.iter().map(|&row| labels[row] as i64).collect();
            step += 1;
            let key = |place: usize| dropout_key([settings.seed, step as u64, 0, place as u64]);
            let rate = rate(step);
            let (batch_loss, batch_counted) = network.gradients(batch.features, &labels, key)?;
            let norm = network.gradient_norm();
            for (what, value) in [("loss", batch_loss), ("norm of the gradients", norm)] {
                if !value.is_finite() {
                    return Err(TrainError::MlpNotFinite { step, what, value, rate });
                }
            }
            network.update(step, rate, settings.weight_decay, settings.clip, norm);
            loss += batch_loss * batch_counted;
            counted += batch_counted;
            Ok(())
        })?;
        let mut now = MlpEpoch {
            epoch: epoch + 1,
            steps: step,
            loss: loss / f64::max(counted, f64::MIN_POSITIVE),
            held_out_loss: None,
            score: None,
            threshold: (classes.len() == 2).then_some(HALF),
            threshold_gain: None,
        };
        let mut answers = Vec::new();
        if unchosen.is_none() {
            let answered = answer(&mut stream, &mut network, labels, classes.len(), RowUse::HeldOut)?;
            if !answered.loss.is_finite() {
                let what = "loss on held-out rows";
                return Err(TrainError::MlpNotFinite { step, what, value: answered.loss, rate: rate(step) });
            }
            now.held_out_loss = Some(answered.loss);
            answers = scorer.score(&answered, &mut now)?;
        }
        progress(&now);
        // Without scores the last is the best.
        let better = |best: &MlpEpoch| match (now.score, best.score) {
            (Some(score), Some(other)) => score > other || (score == other && now.held_out_loss < best.held_out_loss),
            _ => true,
        };
        if epochs.get(best).is_none_or(better) {
            best = epochs.len();
            kept.clone_from_slice(network.values());
            kept_answers = answers;
        }
        epochs.push(now);
        if epochs.len() - 1 - best >= settings.patience {
            break;
        }
    }

    network.set_values(kept);
    let threshold = epochs[best].threshold;
    let head = MlpHead {
        classes: classes.to_vec(),
        columns: rows.columns().to_vec(),
        layers: network.layers(),
        standardiser: stream.standardiser().clone(),
        threshold,
        class_weight,
    };
    let answered = answer(&mut stream, &mut network, labels, classes.len(), RowUse::Fitted)?;
    let train_scores = scorer.scores(&answered.rows, &scorer.answers(&answered, head.threshold))?;
    let held_out_places: Vec<usize> = (0..held_out.len()).filter(|&row| held_out[row]).collect();
    let held_out_scores = match &unchosen {
        None => Some(scorer.scores(&held_out_places, &kept_answers)?),
        Some(_) => None,
    };
    let held_out_rows = held_out_places.len();
    Ok(TrainedMlp { head, epochs, best, held_out_rows, train_scores, held_out_scores, unchosen })
}

/// The rows that are held out.
struct HeldOut {
    /// True for held-out rows, `[rows]`.
    rows: Vec<bool>,
    /// Why none is, if none is.
    too_few: Option<String>,
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
    let fold_of_row = stratified_folds(labels, parts, seed)?;
    Ok(HeldOut { rows: fold_of_row.into_iter().map(|fold| fold == 0).collect(), too_few: None })
}

/// One weight a class, by the rows that are fitted; `None` weighs all alike.
fn class_weights(class_weight: ClassWeight, labels: &[usize], held_out: &[bool], classes: usize) -> Option<Vec<f32>> {
    if class_weight == ClassWeight::None {
        return None;
    }
    let mut counts = vec![0; classes];
    for (&label, held_out) in labels.iter().zip(held_out) {
        counts[label] += u64::from(!held_out);
    }
    Some(class_weight.of_counts(&counts).into_iter().map(|weight| weight as f32).collect())
}

/// The probabilities and loss of some rows.
struct Predictions {
    rows: Vec<usize>,
    /// Row-major `[rows, classes]`, each row adding up to 1.
    probabilities: Vec<f64>,
    /// The mean, weighed as in training.
    loss: f64,
}

/// Answers the rows of one use, with the parameters as they are.
fn answer(
    stream: &mut Stream<'_>,
    network: &mut Network,
    labels: &[usize],
    classes: usize,
    which: RowUse,
) -> Result<Predictions, TrainError> {
    let mut answered = Predictions { rows: Vec::new(), probabilities: Vec::new(), loss: 0.0 };
    let mut counted = 0.0;
    stream.in_order(which, EVALUATED_ROWS, &mut |batch| {
        let gold: Vec<i64> = batch.rows.iter().map(|&row| labels[row] as i64).collect();
        let (loss, weight) = network.evaluate(batch.features, &gold, |logits| {
            logits.chunks_exact(classes).for_each(|logits| softmax(logits, &mut answered.probabilities));
        })?;
        answered.rows.extend_from_slice(batch.rows);
        answered.loss += loss * weight;
        counted += weight;
        Ok(())
    })?;
    answered.loss /= f64::max(counted, f64::MIN_POSITIVE);
    Ok(answered)
}

/// Appends the shares of one row.
fn softmax(logits: &[f32], into: &mut Vec<f64>) {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let from = into.len();
    into.extend(logits.iter().map(|&logit| (f64::from(logit) - largest).exp()));
    let sum: f64 = into[from..].iter().sum();
    into[from..].iter_mut().for_each(|share| *share /= sum);
}

/// Scores answers.
struct Scorer<'a> {
    labels: &'a [usize],
    classes: usize,
    settings: &'a MlpSettings,
}

impl Scorer<'_> {
    /// Notes the metric and the threshold it is reached with in `epoch`, and gives the answers that have it, `[held-out rows]`.
    fn score(&self, answered: &Predictions, epoch: &mut MlpEpoch) -> Result<Vec<usize>, TrainError> {
        let gold: Vec<usize> = answered.rows.iter().map(|&row| self.labels[row]).collect();
        let mut answers = self.answers(answered, epoch.threshold);
        let ones = gold.iter().filter(|&&class| class == 1).count();
        let parts = THRESHOLD_PARTS.min(ones).min(gold.len() - ones);
        if self.classes == 2 && self.settings.threshold == ThresholdChoice::Tuned && parts > 1 {
            let of_one: Vec<f64> = answered.probabilities.iter().skip(1).step_by(2).copied().collect();
            let part_of_row = stratified_folds(&gold, parts, self.settings.seed)?;
            let tuned = tune_threshold(&of_one, &gold, &part_of_row, parts, self.settings.metric)?;
            (epoch.threshold, epoch.threshold_gain) = (Some(tuned.threshold), Some(tuned.gain));
            answers = tuned.answers;
        }
        epoch.score = Some(self.settings.metric.of(&ConfusionMatrix::from_classes(&gold, &answers, self.classes)?));
        Ok(answers)
    }

    /// As the head answers, `[rows]`.
    fn answers(&self, answered: &Predictions, threshold: Option<f64>) -> Vec<usize> {
        let most_probable = |shares: &[f64]| {
            (0..shares.len()).fold(0, |best, class| if shares[class] > shares[best] { class } else { best })
        };
        let answer = |shares: &[f64]| match threshold {
            Some(threshold) => usize::from(shares[1] >= threshold),
            None => most_probable(shares),
        };
        answered.probabilities.chunks_exact(self.classes).map(answer).collect()
    }

    /// Scores of answers to some rows.
    fn scores(&self, rows: &[usize], answers: &[usize]) -> Result<ClassificationScores, TrainError> {
        let gold: Vec<usize> = rows.iter().map(|&row| self.labels[row]).collect();
        Ok(ClassificationScores::from(&ConfusionMatrix::from_classes(&gold, answers, self.classes)?))
    }
}
