//! Notes about a run that a user should hear.

use std::fmt;
use std::ops::RangeInclusive;

use larder_graphs::Precision;
use larder_onnx::Family;

/// A note on something unusual, given before the run or at its end.
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
        /// The precision asked for.
        precision: Precision,
    },
    /// The CPU has no instructions for what is asked for, and computes in float32.
    NoInstructions {
        /// The precision asked for.
        precision: Precision,
    },
    /// Steps whose gradients were too large for float16, and that changed nothing.
    Skipped {
        /// The number of skipped steps.
        steps: usize,
        /// The loss scale at the end.
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
            Self::NoInstructions { precision } => write!(
                f,
                "this processor has no instructions for products in {precision} (AVX512_BF16): they are computed in float32"
            ),
            Self::Skipped { steps, loss_scale } => write!(
                f,
                "skipped {steps} steps whose gradients were too large for f16; the loss scale is now {loss_scale}"
            ),
        }
    }
}
