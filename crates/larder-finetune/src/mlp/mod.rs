//! A multi-layer perceptron on cached features, trained through an exported graph.
//!
//! A fifth of the rows is held out; after each epoch it is answered and scored, and the parameters with the best score are
//! kept. Features are read block by block, so that a cache larger than memory can be trained on.

mod network;
mod settings;
mod source;
mod stream;

use larder_metrics::{ClassificationScores, ConfusionMatrix, best_threshold, class_counts, stratified_folds};
use larder_runtime::Runtime;
use larder_train::{ClassWeight, MlpHead, ThresholdChoice, TrainError};
use serde::{Deserialize, Serialize};

use self::network::Network;
use self::stream::{Stream, Use};
use crate::{TuneError, noise};

pub use settings::{
    DEFAULT_MLP_BATCH_ROWS, DEFAULT_MLP_DROPOUT, DEFAULT_MLP_EPOCHS, DEFAULT_MLP_HIDDEN, DEFAULT_MLP_LEARNING_RATE,
    DEFAULT_MLP_PATIENCE, DEFAULT_MLP_WARMUP, DEFAULT_MLP_WEIGHT_DECAY, MlpSettings,
};
pub use source::{FeatureRows, FeaturesInMemory};

/// One row in so many is held out: the usual fifth.
const HELD_OUT_PARTS: usize = 5;

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
    /// The loss of the held-out rows, weighed by class as in training.
    pub held_out_loss: f64,
    /// The metric on the held-out rows, with the threshold that is best on them where that is tuned.
    pub score: f64,
    /// That threshold; `None` for more than two classes.
    pub threshold: Option<f64>,
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
    /// Scores on the held-out rows. The choice of the epoch and of the threshold saw them, so they are slightly optimistic.
    pub held_out_scores: ClassificationScores,
}

/// Trains a perceptron on `rows` and their `labels` (`[rows]`, indices of `classes`), with `threads` threads (0: one a core).
///
/// All columns are read side by side. Held out are rows of each class by its share, drawn by the seed. The same input and
/// settings give the same head.
///
/// # Errors
/// [`TuneError::Setting`]; [`TuneError::TooFewRows`]; [`TuneError::HeadNotFinite`] when loss or gradients are no numbers any
/// more; [`TuneError::Head`] for features that are not finite, labels out of range and classes without rows;
/// [`TuneError::Run`].
pub fn train_mlp(
    runtime: &Runtime,
    rows: &dyn FeatureRows,
    labels: &[usize],
    classes: &[String],
    settings: &MlpSettings,
    threads: usize,
    progress: &mut dyn FnMut(&MlpEpoch),
) -> Result<TrainedMlp, TuneError> {
    settings.check()?;
    let held_out = held_out(rows.rows(), labels, classes, settings.seed)?;
    let class_weight = settings.class_weight.candidates(settings.metric)[0];
    let weights = class_weights(class_weight, labels, &held_out, classes.len());
    let mut stream = Stream::new(rows, &held_out, settings)?;
    let mut network =
        Network::new(runtime, &settings.spec(stream.width(), classes.len(), weights), settings.seed, threads)?;
    let judge = Judge { labels, classes: classes.len(), settings };

    let plan = stream.plan(settings);
    let mut epochs: Vec<MlpEpoch> = Vec::new();
    let (mut best, mut kept) = (0, network.values().to_vec());
    let mut step = 0;
    let rate = |step: usize| settings.learning_rate * settings.schedule.factor(step - 1, plan.steps, settings.warmup);
    for epoch in 0..settings.epochs {
        let (mut loss, mut counted) = (0.0, 0.0);
        stream.batches(&plan, epoch, &mut |batch| {
            let labels: Vec<i64> = batch.rows.iter().map(|&row| labels[row] as i64).collect();
            step += 1;
            let key = |place: usize| noise::key([settings.seed, step as u64, 0, place as u64]);
            let rate = rate(step);
            let (batch_loss, batch_counted) = network.gradients(batch.features, &labels, key)?;
            let norm = network.gradient_norm();
            for (what, value) in [("loss", batch_loss), ("norm of the gradients", norm)] {
                if !value.is_finite() {
                    return Err(TuneError::HeadNotFinite { step, what, value, rate });
                }
            }
            network.update(step, rate, settings.weight_decay, settings.clip, norm);
            loss += batch_loss * batch_counted;
            counted += batch_counted;
            Ok(())
        })?;
        let answered = answer(&mut stream, &mut network, labels, classes.len(), Use::HeldOut)?;
        if !answered.loss.is_finite() {
            let what = "loss on held-out rows";
            return Err(TuneError::HeadNotFinite { step, what, value: answered.loss, rate: rate(step) });
        }
        let (score, threshold) = judge.score(&answered)?;
        let now = MlpEpoch {
            epoch: epoch + 1,
            steps: step,
            loss: loss / f64::max(counted, f64::MIN_POSITIVE),
            held_out_loss: answered.loss,
            score,
            threshold,
        };
        progress(&now);
        let better = |best: &MlpEpoch| {
            now.score > best.score || (now.score == best.score && now.held_out_loss < best.held_out_loss)
        };
        if epochs.get(best).is_none_or(better) {
            best = epochs.len();
            kept.clone_from_slice(network.values());
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
    let mut scores = |which| -> Result<ClassificationScores, TuneError> {
        let answered = answer(&mut stream, &mut network, labels, classes.len(), which)?;
        Ok(ClassificationScores::from(&judge.confusion(&answered, &head)?))
    };
    let (train_scores, held_out_scores) = (scores(Use::Fitted)?, scores(Use::HeldOut)?);
    let held_out_rows = held_out.iter().filter(|&&is| is).count();
    Ok(TrainedMlp { head, epochs, best, held_out_rows, train_scores, held_out_scores })
}

/// Is each row held out?
fn held_out(rows: usize, labels: &[usize], classes: &[String], seed: u64) -> Result<Vec<bool>, TuneError> {
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses { found: classes.len() }.into());
    }
    if labels.len() != rows {
        return Err(TrainError::LabelMismatch { found: labels.len(), expected: rows }.into());
    }
    if let Some(row) = labels.iter().position(|&label| label >= classes.len()) {
        return Err(TrainError::LabelOutOfRange { row, label: labels[row], classes: classes.len() }.into());
    }
    let counts = if rows == 0 { vec![0; classes.len()] } else { class_counts(labels, classes.len())? };
    let empty: Vec<String> =
        classes.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(class, _)| class.clone()).collect();
    if !empty.is_empty() {
        return Err(TrainError::ClassWithoutRows { classes: empty }.into());
    }
    // Rows of two classes are needed on both sides.
    let mut by_count: Vec<usize> = (0..classes.len()).collect();
    by_count.sort_by_key(|&class| std::cmp::Reverse(counts[class]));
    let second = by_count[1];
    let parts = HELD_OUT_PARTS.min(counts[second] as usize);
    if parts < 2 {
        return Err(TuneError::TooFewRows { class: classes[second].clone(), rows: counts[second] as usize });
    }
    let fold_of_row = stratified_folds(labels, parts, seed)?;
    Ok(fold_of_row.into_iter().map(|fold| fold == 0).collect())
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

/// What was answered to some rows.
struct Answered {
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
    which: Use,
) -> Result<Answered, TuneError> {
    let mut answered = Answered { rows: Vec::new(), probabilities: Vec::new(), loss: 0.0 };
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
struct Judge<'a> {
    labels: &'a [usize],
    classes: usize,
    settings: &'a MlpSettings,
}

impl Judge<'_> {
    /// The metric, and the threshold it was reached with.
    fn score(&self, answered: &Answered) -> Result<(f64, Option<f64>), TuneError> {
        let gold = self.gold(answered);
        if self.classes == 2 && self.settings.threshold == ThresholdChoice::Tuned {
            let of_one: Vec<f64> = answered.probabilities.iter().skip(1).step_by(2).copied().collect();
            let best = best_threshold(&of_one, &gold, self.settings.metric)?;
            return Ok((best.score, Some(best.threshold)));
        }
        let most_probable = answered.probabilities.chunks_exact(self.classes).map(|shares| {
            (0..shares.len()).fold(0, |best, class| if shares[class] > shares[best] { class } else { best })
        });
        let matrix = ConfusionMatrix::from_classes(&gold, &most_probable.collect::<Vec<_>>(), self.classes)?;
        Ok((self.settings.metric.of(&matrix), (self.classes == 2).then_some(0.5)))
    }

    /// As the head answers.
    fn confusion(&self, answered: &Answered, head: &MlpHead) -> Result<ConfusionMatrix, TuneError> {
        let shape = (answered.rows.len(), self.classes);
        let probabilities = ndarray::Array2::from_shape_vec(shape, answered.probabilities.clone())
            .expect("a share is appended for each class of each row");
        Ok(ConfusionMatrix::from_classes(&self.gold(answered), &head.answers(&probabilities), self.classes)?)
    }

    fn gold(&self, answered: &Answered) -> Vec<usize> {
        answered.rows.iter().map(|&row| self.labels[row]).collect()
    }
}
