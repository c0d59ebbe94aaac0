//! The inputs of a run.

use std::path::Path;

use crate::hidden::HiddenStates;
use crate::{Example, TunableEncoder};

/// The inputs of a fine-tuning run.
#[derive(Clone, Copy, Debug)]
pub struct TrainingInputs<'a> {
    /// The encoder.
    pub encoder: &'a TunableEncoder,
    /// The training examples.
    pub train: &'a [Example],
    /// The examples to evaluate on; may be empty.
    pub dev: &'a [Example],
    /// The hidden states of [`TuneSettings::from_layer`](crate::TuneSettings::from_layer), of the examples' tokens; `None` without.
    pub hidden: Option<&'a dyn HiddenStates>,
    /// The folder of checkpoints; `None` for none.
    pub folder: Option<&'a Path>,
}
