//! Features of pairs whose texts are read by themselves, as ONNX nodes.

use larder_onnx::proto::GraphProto;
use larder_onnx::proto::tensor_shape_proto::dimension::Value as Dimension;
use larder_onnx::proto::type_proto::Value as Type;
use larder_onnx::{GraphBuilder, Value, pair_features};

/// The axis of pairs; the batch has two texts for each.
const PAIRS: &str = "pairs";

/// Makes columns `[pairs, 4 * hidden]` of the encoder's, `[2 * pairs, hidden]`, as
/// [`combine_pair`](larder_encode::combine_pair) does. Returns their names.
pub(crate) fn pair_columns<'a>(b: &mut GraphBuilder, columns: impl Iterator<Item = (&'a str, usize)>) -> Vec<String> {
    let column = |(name, width)| b.scoped("pair", |b| pair_features(b, &Value::named(name), width));
    columns.map(column).map(|value| value.name().to_owned()).collect()
}

/// Calls the first axis of the outputs `pairs`: it is not the batch.
pub(crate) fn name_pairs(graph: &mut GraphProto) {
    for output in &mut graph.output {
        let Some(Type::TensorType(tensor)) = output.r#type.as_mut().and_then(|of| of.value.as_mut()) else { continue };
        if let Some(first) = tensor.shape.as_mut().and_then(|shape| shape.dim.first_mut()) {
            first.value = Some(Dimension::DimParam(PAIRS.to_owned()));
        }
    }
}
