//! One epoch of a training.

use serde::{Deserialize, Serialize};

use crate::threshold::TuningGain;

/// One epoch, after its last step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpEpoch {
    /// From 1.
    pub epoch: usize,
    /// Steps that are done.
    pub steps: usize,
    /// The mean loss of the epoch's batches, each before its step, with dropout. A squared error is one of standardised numbers: 1
    /// is that of the mean.
    pub loss: f64,
    /// The loss of the held-out rows, weighed by class as in training; `None` where none are held out.
    pub held_out_loss: Option<f64>,
    /// The metric on the held-out rows; with tuned thresholds each part of them is judged with those that are best on the
    /// other parts. `None` where none are held out.
    pub score: Option<f64>,
    /// The best threshold on all of them where that gains more than one standard error, else 0.5; `None` where rows do not have
    /// one of two classes.
    pub threshold: Option<f64>,
    /// The gain from tuning the threshold; `None` where it is not tuned.
    #[serde(default)]
    pub threshold_gain: Option<TuningGain>,
}
