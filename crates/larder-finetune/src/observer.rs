//! Watching a run.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::evaluate::Evaluated;
use crate::note::Note;

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// From 1.
    pub step: usize,
    /// The epoch, from 0.
    pub epoch: usize,
    /// The loss of the step's examples, before the step.
    pub loss: f64,
    /// The norm of all gradients together, before clipping; infinite in a step that was skipped because of overflow.
    pub grad_norm: f64,
    /// The encoder's learning rate.
    pub learning_rate: f64,
    /// The head's learning rate.
    pub head_learning_rate: f64,
    /// The duration of the step, in seconds.
    pub seconds: f64,
    /// Tokens without padding.
    pub tokens: usize,
    /// The score of the evaluation after the step, where there was one.
    pub score: Option<f64>,
    /// The loss of the evaluation, without dropout.
    pub dev_loss: Option<f64>,
}

/// Watches a run.
pub trait Observer {
    /// Before the run, or at its end.
    fn note(&mut self, _note: &Note) {}

    /// After each step of `total`. [`ControlFlow::Break`] ends the run where it stands, as if it had been killed: no
    /// checkpoint is written.
    fn step(&mut self, _row: &HistoryRow, _total: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Returns true to end the run after this step with [`TuneError::Ended`](crate::TuneError::Ended). Its checkpoint is written before.
    fn asks_to_end(&self) -> bool {
        false
    }

    /// Scores an evaluation: more is better. The default is the negative loss.
    fn score(&mut self, _step: usize, evaluated: &Evaluated) -> f64 {
        -evaluated.loss
    }

    /// Returns the decision thresholds that the last score rests on, where answers need any.
    fn thresholds(&self) -> Vec<f64> {
        Vec::new()
    }
}

/// Watches nothing; evaluations are judged by their loss.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Observer for Quiet {}
