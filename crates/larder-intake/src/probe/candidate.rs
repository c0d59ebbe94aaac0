//! A model that is to be probed.

use std::path::Path;

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{EncoderConfig, Hints, Interface, Model};
use larder_runtime::{Device, Runtime, RuntimeError, Session, SessionSettings};
use larder_tokens::Tokenizer;

use super::operators::unknown_operator;
use super::tolerance::has_parameters_of;
use crate::EncoderError;
use crate::session_model::SessionModel;
use crate::sizes::Sizes;

/// A model to probe, with what is known of it beforehand.
pub(crate) struct Candidate<'a> {
    pub runtime: &'a Runtime,
    /// The file that messages name.
    pub path: &'a Path,
    pub model: &'a Model,
    pub interface: Interface,
    pub tokenizer: &'a Tokenizer,
    /// The longest text by the configuration, in tokens.
    pub declared_length: Option<usize>,
    /// The number of labels that the model was trained to score, by the configuration.
    pub labels: Option<usize>,
    /// The configuration, of a family that larder builds.
    pub config: Option<EncoderConfig>,
    /// Layers and features by the configuration.
    pub sizes: Sizes,
    /// The roles of inputs and outputs that the user, or an earlier probe, names.
    pub hints: Hints,
}

impl Candidate<'_> {
    /// Opens a model made of the candidate's.
    pub fn session(&self, model: &Model) -> Result<Session, EncoderError> {
        let settings = SessionSettings {
            device: Device::Cpu,
            name: Some("of the probe".to_owned()),
            ..SessionSettings::default()
        };
        let wrong = |source| EncoderError::Model { path: self.path.to_path_buf(), source };
        let prepared = SessionModel::of(model, Device::Cpu).map_err(wrong)?;
        prepared.open(self.runtime, &settings).map_err(|source| {
            let (path, source) = (self.path.to_path_buf(), Box::new(source));
            let unsupported = matches!(*source, RuntimeError::Load { .. });
            match unsupported && has_parameters_of(self.model, DataType::Bfloat16) {
                true => EncoderError::Bfloat16 { path, source },
                false => unknown_operator(*source, self.model, self.path, self.runtime.version()),
            }
        })
    }

    /// The longest text by the graph and the configuration, in tokens.
    pub fn declared_length(&self) -> Option<usize> {
        let rows = self.interface.position_rows.map(|rows| rows.saturating_sub(self.interface.first_position));
        self.declared_length.into_iter().chain(rows).chain(self.interface.fixed_seq()).min()
    }
}
