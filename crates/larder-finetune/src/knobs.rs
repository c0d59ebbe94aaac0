//! Advice for runs that have collapsed or diverged.

use std::fmt;

use larder_onnx::Family;

use crate::preset::Preset;

/// The settings to change when a run has collapsed or diverged, with their values. Displayed, it is the advice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knobs {
    /// The highest of the encoder's learning rates.
    pub rate: f64,
    /// The share of the steps in which it rises.
    pub warmup: f64,
    /// The norm that gradients are clipped to.
    pub clip: Option<f64>,
    /// The family.
    pub family: Family,
}

impl fmt::Display for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, warmup, clip, family } = self;
        let recipe = Preset::of(*family).learning_rates;
        let (least, most) = (recipe.start(), recipe.end());
        write!(
            f,
            "lower the learning rate ({rate:e}; {family} is fine-tuned at {least:e} to {most:e}), lengthen the warm-up (now \
             {warmup} of the steps), or clip gradients "
        )?;
        match clip {
            None => f.write_str("(to 1, say: now they are not)"),
            Some(clip) => write!(f, "further (now to {clip})"),
        }
    }
}
