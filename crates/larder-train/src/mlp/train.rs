//! A multi-layer perceptron on cached features, trained through an exported graph.
//!
//! A fifth of the rows is held out; after each epoch it is answered and scored, and the parameters with the best score are
//! kept. Where too few rows are there to hold any out, all epochs are run and the last parameters are kept. Features are read
//! block by block, so that a cache larger than memory can be trained on.

use larder_graphs::dropout_key;
use larder_runtime::Runtime;

use super::epoch::MlpEpoch;
use super::goals::{ClassGoal, Goal, Judgement, LabelSetGoal, NumberGoal, Outputs};
use super::head::MlpHead;
use super::network::Network;
use super::output::MlpOutput;
use super::settings::MlpSettings;
use super::source::FeatureRows;
use super::stream::{RowUse, Stream};
use super::targets::{MlpScores, MlpTargets};
use crate::error::TrainError;

/// Rows that are answered at a time.
const EVALUATED_ROWS: usize = 256;

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
    pub train_scores: MlpScores,
    /// Scores on the held-out rows, if there are any. The choice of the epoch, and whether the threshold is tuned, saw them, so
    /// they are slightly optimistic.
    pub held_out_scores: Option<MlpScores>,
    /// Why none were held out, and what was taken, in words.
    pub unchosen: Option<String>,
}

/// Trains a perceptron on `rows` and their `targets`, with `threads` threads (0: one a core).
///
/// All columns are read side by side. A fifth of the rows is held out, drawn by the seed: of each class, of the rows of each label
/// (by a row's rarest one), or of numbers of each size. The same input and settings give the same head.
///
/// # Errors
/// [`TrainError::Setting`]; [`TrainError::MlpNotFinite`] when the loss or the gradients are no longer finite;
/// [`TrainError::NonFinite`] for features that are not, [`TrainError::LabelOutOfRange`],
/// [`TrainError::ClassWithoutRows`], [`TrainError::NonFiniteTarget`] and the like for targets that do not fit;
/// [`TrainError::Run`].
pub fn train_mlp(
    runtime: &Runtime,
    rows: &dyn FeatureRows,
    targets: &MlpTargets<'_>,
    settings: &MlpSettings,
    threads: usize,
    progress: &mut dyn FnMut(&MlpEpoch),
) -> Result<TrainedMlp, TrainError> {
    settings.check()?;
    let count = rows.rows();
    match *targets {
        MlpTargets::Classes { labels, classes } => {
            let goal = ClassGoal::new(count, labels, classes, settings)?;
            train(runtime, rows, &goal, settings, threads, progress)
        }
        MlpTargets::LabelSets { sets, labels, metric } => {
            let goal = LabelSetGoal::new(count, sets, labels, metric, settings)?;
            train(runtime, rows, &goal, settings, threads, progress)
        }
        MlpTargets::Numbers { numbers, metric } => {
            let goal = NumberGoal::new(count, numbers, metric, settings)?;
            train(runtime, rows, &goal, settings, threads, progress)
        }
    }
}

/// [`train_mlp`] for targets that were checked.
fn train(
    runtime: &Runtime,
    rows: &dyn FeatureRows,
    goal: &dyn Goal,
    settings: &MlpSettings,
    threads: usize,
    progress: &mut dyn FnMut(&MlpEpoch),
) -> Result<TrainedMlp, TrainError> {
    let held_out = goal.held_out();
    let unchosen = held_out.too_few.as_ref().map(|why| {
        format!(
            "{why}: all {} epochs{}; nothing tells how the head does on rows that it has not seen",
            settings.epochs,
            goal.unchosen()
        )
    });
    let mut stream = Stream::new(rows, &held_out.rows, settings)?;
    let mut network =
        Network::new(runtime, &settings.spec(stream.width(), goal.outputs(), goal.loss()), settings.seed, threads)?;

    let plan = stream.plan(settings);
    let mut epochs: Vec<MlpEpoch> = Vec::new();
    let (mut best, mut kept, mut judgement) = (0, network.values().to_vec(), None::<Judgement>);
    let mut step = 0;
    let rate = |step: usize| settings.learning_rate * settings.schedule.factor(step - 1, plan.steps, settings.warmup);
    for epoch in 0..settings.epochs {
        let (mut loss, mut counted) = (0.0, 0.0);
        stream.batches(&plan, epoch, &mut |batch| {
            step += 1;
            let key = |place: usize| dropout_key([settings.seed, step as u64, 0, place as u64]);
            let rate = rate(step);
            let (batch_loss, batch_counted) = network.gradients(batch.features, &goal.batch(batch.rows), key)?;
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
        let plain_threshold = if let MlpOutput::Softmax { threshold } = goal.plain_output() { threshold } else { None };
        let mut now = MlpEpoch {
            epoch: epoch + 1,
            steps: step,
            loss: loss / f64::max(counted, f64::MIN_POSITIVE),
            held_out_loss: None,
            score: None,
            threshold: plain_threshold,
            threshold_gain: None,
        };
        let mut judged = None;
        if unchosen.is_none() {
            let answered = answer(&mut stream, &mut network, goal, RowUse::HeldOut)?;
            if !answered.loss.is_finite() {
                let what = "loss on held-out rows";
                return Err(TrainError::MlpNotFinite { step, what, value: answered.loss, rate: rate(step) });
            }
            now.held_out_loss = Some(answered.loss);
            judged = Some(goal.judge(&answered, &mut now)?);
        }
        progress(&now);
        // Without scores the last is the best.
        let better = |best: &MlpEpoch| match (&judged, &judgement) {
            (Some(judged), Some(other)) => {
                judged.gain > other.gain || (judged.gain == other.gain && now.held_out_loss < best.held_out_loss)
            }
            _ => true,
        };
        if epochs.get(best).is_none_or(better) {
            best = epochs.len();
            kept.clone_from_slice(network.values());
            judgement = judged;
        }
        epochs.push(now);
        if epochs.len() - 1 - best >= settings.patience {
            break;
        }
    }

    network.set_values(kept);
    let (output, held_out_scores) = match judgement {
        Some(Judgement { output, scores, .. }) => (output, Some(scores)),
        None => (goal.plain_output(), None),
    };
    let train_scores = goal.scores(&answer(&mut stream, &mut network, goal, RowUse::Fitted)?, &output)?;
    let mut layers = network.layers();
    if let Some(last) = layers.last_mut() {
        goal.fold(last.weight.as_slice_mut().expect("a new matrix is in row-major order"), &mut last.bias);
    }
    let (classes, class_weight) = goal.names();
    let head = MlpHead {
        classes,
        columns: rows.columns().to_vec(),
        layers,
        standardiser: stream.standardiser().clone(),
        output,
        class_weight,
    };
    let held_out_rows = held_out.rows.iter().filter(|held_out| **held_out).count();
    Ok(TrainedMlp { head, epochs, best, held_out_rows, train_scores, held_out_scores, unchosen })
}

/// Answers the rows of one use, with the parameters as they are.
fn answer(
    stream: &mut Stream<'_>,
    network: &mut Network,
    goal: &dyn Goal,
    which: RowUse,
) -> Result<Outputs, TrainError> {
    let mut answered = Outputs { rows: Vec::new(), logits: Vec::new(), loss: 0.0 };
    let mut counted = 0.0;
    stream.in_order(which, EVALUATED_ROWS, &mut |batch| {
        let (loss, weight) = network
            .evaluate(batch.features, &goal.batch(batch.rows), |logits| answered.logits.extend_from_slice(logits))?;
        answered.rows.extend_from_slice(batch.rows);
        answered.loss += loss * weight;
        counted += weight;
        Ok(())
    })?;
    answered.loss /= f64::max(counted, f64::MIN_POSITIVE);
    Ok(answered)
}
