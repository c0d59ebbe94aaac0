//! What a run tells while it goes on.

use std::fmt;
use std::ops::{ControlFlow, RangeInclusive};

use larder_graphs::Precision;
use larder_onnx::Family;
use serde::{Deserialize, Serialize};

use crate::Evaluated;

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// From 1.
    pub step: usize,
    /// The epoch, from 0.
    pub epoch: usize,
    /// Of the step's examples, before the step.
    pub loss: f64,
    /// Of all gradients together, before clipping; infinite in a step that was skipped, as their scale was too large.
    pub grad_norm: f64,
    /// The encoder's learning rate.
    pub learning_rate: f64,
    /// The head's learning rate.
    pub head_learning_rate: f64,
    /// How long the step took.
    pub seconds: f64,
    /// Tokens without padding.
    pub tokens: usize,
    /// What the evaluation after the step said, where there was one.
    pub score: Option<f64>,
    /// The loss of the evaluation, without dropout.
    pub dev_loss: Option<f64>,
}

/// What is out of the ordinary, said before the run or at its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The learning rate is not among those that the family is fine-tuned with.
    RateOutsideRecipe {
        /// The encoder's learning rate.
        rate: f64,
        /// The family.
        family: Family,
        /// Its rates.
        recipe: RangeInclusive<f64>,
    },
    /// The head's pooler is not among the encoder's weights, and starts at random.
    FreshPooler,
    /// The run goes on from a checkpoint.
    Resumed {
        /// Steps that are done.
        step: usize,
    },
    /// The CPU computes in float32 what is asked for in half precision.
    Rounded {
        /// What is asked for.
        precision: Precision,
    },
    /// Steps whose gradients were too large for float16, and that changed nothing.
    Skipped {
        /// How many.
        steps: usize,
        /// What the loss was multiplied by in the end.
        loss_scale: f64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateOutsideRecipe { rate, family, recipe } => {
                let (least, most) = (recipe.start(), recipe.end());
                let what = match rate > most {
                    true => "the run may collapse to one class",
                    false => "the run may learn little",
                };
                write!(
                    f,
                    "learning rate {rate:e} is outside the {least:e} to {most:e} that {family} is fine-tuned at: {what}"
                )
            }
            Self::FreshPooler => f.write_str("the weights have no pooler: it starts at random"),
            Self::Resumed { step } => write!(f, "going on after step {step}"),
            Self::Rounded { precision } => write!(
                f,
                "the CPU has no {precision} arithmetic: products are computed in float32, of numbers rounded to {precision}"
            ),
            Self::Skipped { steps, loss_scale } => write!(
                f,
                "skipped {steps} steps whose gradients were too large for f16; the loss scale is now {loss_scale}"
            ),
        }
    }
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

    /// How good is this? More is better. The loss with its sign changed, unless said otherwise.
    fn score(&mut self, _step: usize, evaluated: &Evaluated) -> f64 {
        -evaluated.loss
    }
}

/// Watches nothing; evaluations are judged by their loss.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Observer for Quiet {}
