//! The result of a run.

use larder_onnx::Weights;
use larder_runtime::RanOn;
use serde::{Deserialize, Serialize};

use crate::note::Note;
use crate::observer::HistoryRow;

/// A score and the step it was reached at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The observer's score: more is better.
    pub score: f64,
    /// Steps that were done then.
    pub step: usize,
    /// The decision thresholds that it rests on, where answers need any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<f64>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// All steps are done.
    Finished,
    /// [`TuneSettings::patience`](crate::TuneSettings::patience) ran out.
    Early,
    /// The observer stopped it.
    Stopped,
}

/// The result of a fine-tuning run.
#[derive(Clone, Debug)]
pub struct FinetuneResult {
    /// The encoder's weights under their published names, frozen ones included: those with the best score where there was
    /// something to judge by, else the last.
    pub weights: Weights,
    /// `classifier.weight` `[classes, hidden]` and `classifier.bias` `[classes]`, of the same step.
    pub head: Weights,
    /// All steps, those before a resumption included.
    pub history: Vec<HistoryRow>,
    /// The best score, and the last.
    pub scores: Option<(Score, Score)>,
    /// The reason why the run stopped.
    pub stop_reason: StopReason,
    /// The device that ran.
    pub ran_on: RanOn,
    /// Notes on what was unusual.
    pub notes: Vec<Note>,
}
