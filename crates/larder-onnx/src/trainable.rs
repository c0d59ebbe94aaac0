//! Somebody else's graph as one that can be trained as it stands.
//!
//! Not every graph can be read back into a configuration and weights ([`recognise_encoder`](crate::recognise_encoder)). One that
//! cannot is trained with the nodes it has: its numbers become float32, the initializers that are parameters are told from those
//! that are not by what reads them, and its inputs and outputs get the names that training goes by. Trained values go back into the
//! graph under the names that they have there.

mod float;
mod opset;
mod parameters;
mod quantised;
mod wiring;

pub use parameters::{GraphParameter, GraphPart};

use crate::interface::Interface;
use crate::proto::TensorProto;
use crate::{Model, OnnxError, Weights};

/// A graph that can be trained as it stands.
#[derive(Clone, Debug)]
pub struct TrainableGraph {
    /// Inputs, int64 `[batch, seq]`: `input_ids`, `attention_mask`, and `token_type_ids` where the given graph has types.
    /// Outputs, float32: `last_hidden_state` `[batch, seq, hidden]`; `pooler_output` `[batch, hidden]` where it has one pooled
    /// output of that width. Parameters are initializers, float32.
    pub model: Model,
    /// Its parameters, in the order of the given graph.
    pub parameters: Vec<GraphParameter>,
}

impl TrainableGraph {
    /// Makes one of the graph that `interface` describes.
    ///
    /// - Float16 and bfloat16 become float32. Weights in integers become float32, and what rounds activations goes: the products
    ///   are of floats.
    /// - Parameters are float32 initializers of two elements or more that take part in products, tables and normalisations, or are
    ///   added to what is computed of tokens. Masks, and tables and frequencies of rotary positions, are none.
    /// - Initializers whose elements are all equal and which several nodes read are parted: exporters merge what is equal before
    ///   training, such as biases of zero.
    ///
    /// # Errors
    /// [`OnnxError::Untrainable`] for a graph of fixed sizes, without a mask or without token vectors; the errors of reading tensors.
    pub fn of(model: &Model, interface: &Interface) -> Result<Self, OnnxError> {
        let outputs = wiring::outputs(interface)?;
        let (whole, mut parameters) = parameters_of(model, interface)?;
        let model = whole.pruned(&outputs)?;
        parameters.retain(|parameter| model.initializer(&parameter.name).is_some());
        if parameters.is_empty() {
            return Err(wiring::untrainable(
                "none of its initializers is a parameter",
                "give the file that the exporter wrote",
            ));
        }
        Ok(Self { model: wiring::connect(model, interface)?, parameters })
    }
}

impl Model {
    /// Returns the graph that [`TrainableGraph`] is of, in float32, with its own inputs and outputs and the parameters that `weights`
    /// has.
    ///
    /// # Errors
    /// [`OnnxError::WeightShape`] for a parameter of another shape; the errors of reading tensors.
    pub fn with_trained(&self, weights: &Weights) -> Result<Self, OnnxError> {
        in_float32(self)?.edited(|graph| {
            for tensor in graph.initializer.iter_mut().filter(|tensor| weights.contains(tensor.name())) {
                let shape = tensor.shape()?;
                *tensor = TensorProto::from_f32(tensor.name(), &shape, weights.get(tensor.name(), &shape)?);
            }
            Ok(())
        })
    }
}

/// The graph in float32, and its parameters.
///
/// # Errors
/// The errors of reading tensors.
pub(crate) fn parameters_of(model: &Model, interface: &Interface) -> Result<(Model, Vec<GraphParameter>), OnnxError> {
    let model = in_float32(model)?;
    let parameters = parameters::find(&model, interface)?;
    Ok((model, parameters))
}

/// The same graph with float32 in the place of half precision and of integers that stand for floats, in an operator set that
/// gradients are written for.
fn in_float32(model: &Model) -> Result<Model, OnnxError> {
    let mut proto = opset::within_reach(model.clone().into_proto());
    let graph = proto.graph.get_or_insert_default();
    float::defaults_are_constants(graph);
    float::constants_are_initializers(graph);
    float::widen(graph)?;
    quantised::dequantise(graph)?;
    float::part_equal_vectors(graph);
    // Hints of types that may have changed.
    graph.value_info.clear();
    Model::from_proto(proto)
}
