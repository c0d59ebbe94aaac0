//! The upper part of an encoder, fed with what the lower part gives.

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Interface, Model};

use crate::GraphsError;
use crate::shape::as_i64;

/// The input of a [`cut`] encoder: float32 `[batch, seq, hidden]`. What stands at padding makes no difference, as long as it
/// is finite.
pub const HIDDEN_STATES: &str = "hidden_states";

/// Returns the part of an encoder above the output of a layer, which it reads from the input [`HIDDEN_STATES`]. The
/// encoder is one that [`larder_onnx::build`] made; layers count as hidden states do, 0 being the embeddings' output
/// and 1 that of the first layer.
///
/// Its outputs are the encoder's. Nothing of what lies below is left in it, neither nodes nor parameters, nor the dropout
/// behind the embeddings; parameters that layers on both sides read stay, as ALBERT's and MPNet's table of relative positions.
///
/// # Errors
/// [`GraphsError::NoLayer`] for a layer without another above it, [`GraphsError::NotBuilt`].
pub fn cut(encoder: Model, layer: usize) -> Result<Model, GraphsError> {
    let interface = Interface::recognise(&encoder)?;
    let layers = interface.last_layer();
    if layer >= layers {
        return Err(GraphsError::NoLayer { layer, layers });
    }
    let state = interface.hidden_states.get(layer).ok_or(GraphsError::NotBuilt)?;
    let hidden = interface.hidden_size;
    let (opset, outputs) = (encoder.opset("")?, encoder.outputs().to_vec());
    let outputs: Vec<&str> = outputs.iter().map(|output| output.name()).collect();

    let mut proto = encoder.into_proto();
    let mut b = GraphBuilder::from_graph(proto.graph.take().unwrap_or_default(), opset);
    let fed =
        b.input(HIDDEN_STATES, DataType::Float, &[Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(hidden)]);
    let width = b.integers(&[-1, as_i64(hidden)]);
    let flat = b.scoped("cut", |b| b.reshape(&fed, &width));
    let mut graph = b.finish();
    // Between layers runs `[batch · seq, hidden]`, of which the hidden state is another shape.
    let made_flat = graph.node.iter().find(|node| node.output.first() == Some(state));
    let made_flat = made_flat.filter(|node| node.is_op("Reshape") && layer > 0).map(|node| node.input[0].clone());
    for node in &mut graph.node {
        let is_shape = node.is_op("Shape");
        for input in &mut node.input {
            if input == state {
                *input = fed.name().to_owned();
            } else if made_flat.as_ref() == Some(input) {
                *input = flat.name().to_owned();
            } else if is_shape && input == "input_ids" {
                // Of the same shape, and there without the lower part.
                *input = "attention_mask".to_owned();
            }
        }
    }
    proto.graph = Some(graph);
    let mut model = Model::from_proto(proto)?.sorted()?.pruned(&outputs)?;
    // It names tensors that are gone.
    model.set_metadata(larder_onnx::families::metadata::HIDDEN_STATES, None);
    let mut proto = model.into_proto();
    let graph = proto.graph.get_or_insert_default();
    let is_read = |name: &str| graph.node.iter().any(|node| node.input.iter().any(|input| input == name));
    let read: Vec<_> = graph.input.iter().filter(|input| is_read(input.name())).cloned().collect();
    graph.input = read;
    Ok(Model::from_proto(proto)?)
}
