//! The inputs of a run.

use std::path::Path;

use larder_onnx::{EncoderConfig, Weights};

use crate::Example;
use crate::hidden::HiddenStates;

/// The inputs of a fine-tuning run.
#[derive(Clone, Copy, Debug)]
pub struct TrainingInputs<'a> {
    /// The encoder's configuration.
    pub config: &'a EncoderConfig,
    /// The encoder's weights.
    pub weights: &'a Weights,
    /// The training examples.
    pub train: &'a [Example],
    /// The examples to evaluate on; may be empty.
    pub dev: &'a [Example],
    /// The hidden states of [`TuneSettings::from_layer`](crate::TuneSettings::from_layer), of the examples' tokens; `None` without.
    pub hidden: Option<&'a dyn HiddenStates>,
    /// The folder of checkpoints; `None` for none.
    pub folder: Option<&'a Path>,
}
