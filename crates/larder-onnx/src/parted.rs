//! A model in two parts: its graph as bytes, and its large weights where they are.

use bytes::Bytes;
use prost::Message;

use crate::proto::{StringStringEntryProto, TensorProto, tensor_proto};
use crate::{Model, OnnxError};

/// Smaller tensors stay in the graph: shapes are inferred from them, and they cost nothing there.
const LEAST_BYTES: usize = 1024;

/// A model in two parts.
#[derive(Clone, Debug)]
pub struct PartedModel {
    /// The bytes of an ONNX file without the weights below, whose initializers say that they are stored elsewhere.
    pub graph: Vec<u8>,
    /// The large weights.
    pub weights: Vec<PartedWeight>,
}

/// A weight of a [`PartedModel`].
#[derive(Clone, Debug)]
pub struct PartedWeight {
    /// The initializer's name.
    pub name: String,
    /// The number of its type in the ONNX standard (`TensorProto.DataType`).
    pub data_type: i32,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The elements, row-major, little-endian: a slice of what the model was read from.
    pub bytes: Bytes,
}

impl Model {
    /// Parts the model's large weights from its graph without copying them. Those of types other than `data_types`, and those stored
    /// as anything but raw bytes, stay in the graph.
    ///
    /// # Errors
    /// [`OnnxError::TooLarge`] when the graph alone has 2 GiB.
    pub fn parted(&self, data_types: &[i32]) -> Result<PartedModel, OnnxError> {
        let mut proto = self.proto().clone();
        let mut weights = Vec::new();
        if let Some(graph) = &mut proto.graph {
            // An input of that name may be fed in the weight's place.
            let inputs: Vec<&str> = graph.input.iter().map(|input| input.name()).collect();
            for tensor in &mut graph.initializer {
                if data_types.contains(&tensor.data_type()) && !inputs.contains(&tensor.name()) {
                    weights.extend(take(tensor));
                }
            }
        }
        let bytes = proto.encoded_len();
        if i32::try_from(bytes).is_err() {
            return Err(OnnxError::TooLarge { bytes });
        }
        Ok(PartedModel { graph: proto.encode_to_vec(), weights })
    }
}

/// Takes a tensor's raw bytes out of it, if they are worth it.
fn take(tensor: &mut TensorProto) -> Option<PartedWeight> {
    let is_here = tensor.data_location() == tensor_proto::DataLocation::Default && tensor.segment.is_none();
    let shape = tensor.dims.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>()?;
    let bytes = tensor.raw_data.take_if(|bytes| is_here && bytes.len() >= LEAST_BYTES)?;
    tensor.set_data_location(tensor_proto::DataLocation::External);
    let entry = |key: &str, value: String| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) };
    // Nothing is there: whoever opens the graph gives the weight.
    tensor.external_data = vec![entry("location", "weights".to_owned()), entry("length", bytes.len().to_string())];
    Some(PartedWeight { name: tensor.name().to_owned(), data_type: tensor.data_type(), shape, bytes })
}
