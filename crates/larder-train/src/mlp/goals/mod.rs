//! The three kinds of targets, as the training loop sees them: labels for the graph, held-out rows, and a judgement of outputs.

mod classes;
mod label_sets;
mod numbers;

pub(super) use classes::ClassGoal;
pub(super) use label_sets::LabelSetGoal;
pub(super) use numbers::NumberGoal;

use larder_graphs::Loss;
use larder_metrics::stratified_folds;

use super::epoch::MlpEpoch;
use super::network::BatchTargets;
use super::output::MlpOutput;
use super::settings::MlpSettings;
use super::targets::MlpScores;
use crate::error::TrainError;
use crate::weight::{ClassWeight, ClassWeightChoice};

/// One row in so many is held out: the usual fifth.
const HELD_OUT_PARTS: usize = 5;

/// Parts of the held-out rows, each of which is judged with the thresholds that are best on the others.
const THRESHOLD_PARTS: usize = 5;

/// Rows without which none are held out, of label sets and numbers: a fifth of them is two rows.
const LEAST_ROWS: usize = 10;

/// The targets of one training run.
pub(super) trait Goal {
    /// The loss to minimise.
    fn loss(&self) -> Loss;

    /// The number of outputs.
    fn outputs(&self) -> usize;

    /// The rows that are held out.
    fn held_out(&self) -> &HeldOut;

    /// Names the settings taken where nothing chooses, in words that follow the number of epochs.
    fn unchosen(&self) -> String;

    /// The targets of some rows, as the graph takes them.
    fn batch(&self, rows: &[usize]) -> BatchTargets;

    /// The output of a head that no held-out rows have judged.
    fn plain_output(&self) -> MlpOutput;

    /// Judges held-out rows, and notes what belongs to the epoch.
    fn judge(&self, answered: &Outputs, epoch: &mut MlpEpoch) -> Result<Judgement, TrainError>;

    /// Scores some rows as a head of that output answers them.
    fn scores(&self, answered: &Outputs, output: &MlpOutput) -> Result<MlpScores, TrainError>;

    /// Folds the scale of the targets into the last layer, `[outputs, inputs]` and `[outputs]`.
    fn fold(&self, _weights: &mut [f32], _bias: &mut [f32]) {}

    /// The names of the outputs, and the class weight of the loss.
    fn names(&self) -> (Vec<String>, ClassWeight) {
        (Vec::new(), ClassWeight::None)
    }
}

/// The outputs of the network for some rows, and the loss of these.
pub(super) struct Outputs {
    pub rows: Vec<usize>,
    /// Row-major `[rows, outputs]`.
    pub logits: Vec<f32>,
    /// The mean, weighed as in training.
    pub loss: f64,
}

/// A judgement of the held-out rows.
pub(super) struct Judgement {
    /// More is better.
    pub gain: f64,
    pub output: MlpOutput,
    pub scores: MlpScores,
}

/// The rows that are held out.
pub(super) struct HeldOut {
    /// True for held-out rows, `[rows]`.
    pub rows: Vec<bool>,
    /// Why none is, if none is.
    pub too_few: Option<String>,
}

impl HeldOut {
    /// Holds out one of `parts` parts, in which every stratum (`[rows]`) has its share.
    fn one_part(strata: &[usize], parts: usize, seed: u64) -> Result<Self, TrainError> {
        let fold_of_row = stratified_folds(strata, parts, seed)?;
        Ok(Self { rows: fold_of_row.into_iter().map(|fold| fold == 0).collect(), too_few: None })
    }

    /// Holds out a fifth of rows without classes, if there are enough.
    fn fifth(strata: &[usize], seed: u64) -> Result<Self, TrainError> {
        let rows = strata.len();
        if rows >= LEAST_ROWS {
            return Self::one_part(strata, HELD_OUT_PARTS, seed);
        }
        let why = format!("there are {rows} training row(s), and {LEAST_ROWS} at least are needed to hold rows out");
        Ok(Self { rows: vec![false; rows], too_few: Some(why) })
    }
}

/// Refuses settings that mean something for one class a row only.
fn check_unweighted(settings: &MlpSettings) -> Result<(), TrainError> {
    let wrong = |setting, found: String, expected| Err(TrainError::Setting { setting, found, expected });
    if settings.class_weight == ClassWeightChoice::Balanced {
        let expected = "auto or none where rows have label sets or numbers: classes are weighed where a row has one";
        return wrong("class_weight", settings.class_weight.to_string(), expected);
    }
    if settings.label_smoothing > 0.0 {
        let expected = "0 where rows have label sets or numbers: it spreads the label of one class over all";
        return wrong("label_smoothing", settings.label_smoothing.to_string(), expected);
    }
    Ok(())
}
