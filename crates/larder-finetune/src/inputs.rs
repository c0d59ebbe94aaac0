//! The inputs of a run.

use std::path::Path;

use larder_onnx::{EncoderConfig, Weights};

use crate::Example;
use crate::hidden::HiddenStates;

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The encoder's configuration.
    pub config: &'a EncoderConfig,
    /// The encoder's weights.
    pub weights: &'a Weights,
    /// What is trained on.
    pub train: &'a [Example],
    /// What is judged by; may be empty.
    pub dev: &'a [Example],
    /// The hidden states of [`TuneSettings::from_layer`](crate::TuneSettings::from_layer), of the examples' tokens; `None` without.
    pub hidden: Option<&'a dyn HiddenStates>,
    /// Where checkpoints go, if anywhere.
    pub folder: Option<&'a Path>,
}
