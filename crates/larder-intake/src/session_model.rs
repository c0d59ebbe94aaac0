//! A model as sessions are opened of it.

use larder_onnx::{Model, OnnxError};
use larder_runtime::{Device, ElementType, Runtime, RuntimeError, Session, SessionSettings, WeightData};

/// A model prepared for sessions on one device.
#[derive(Debug)]
pub struct SessionModel {
    graph: Vec<u8>,
    /// Beside the graph; empty where they are inside.
    weights: Vec<WeightData>,
}

impl SessionModel {
    /// Prepares the model for a device. For the CPU its weights are not copied: they stay slices of what the model was read from.
    ///
    /// # Errors
    /// [`OnnxError::TooLarge`].
    pub fn of(model: &Model, device: Device) -> Result<Self, OnnxError> {
        if device != Device::Cpu {
            // The runtime moves what is in the bytes to the device itself.
            return Ok(Self { graph: model.to_bytes()?, weights: Vec::new() });
        }
        let types: Vec<i32> = ElementType::READABLE.iter().map(|dtype| dtype.onnx_number()).collect();
        let parted = model.parted(&types)?;
        let weights = parted.weights.into_iter().filter_map(|weight| {
            let dtype = ElementType::READABLE.iter().copied().find(|dtype| dtype.onnx_number() == weight.data_type)?;
            Some(WeightData { name: weight.name, dtype, shape: weight.shape, bytes: weight.bytes })
        });
        Ok(Self { weights: weights.collect(), graph: parted.graph })
    }

    /// The bytes of its graph and weights, which each session on a CPU holds a copy of.
    pub fn bytes(&self) -> u64 {
        let weights: usize = self.weights.iter().map(|weight| weight.bytes.len()).sum();
        (self.graph.len() + weights) as u64
    }

    /// Opens a session, which may be one of several.
    ///
    /// # Errors
    /// As [`Session::from_parts`].
    pub fn open(&self, runtime: &Runtime, settings: &SessionSettings) -> Result<Session, RuntimeError> {
        Session::from_parts(runtime, &self.graph, &self.weights, settings)
    }
}
