//! Activations as one node each, where exporters write several.
//!
//! The runtime runs the pattern of a GELU as one kernel, but not where a gradient reads what is inside: there each
//! element-wise node is a pass over the widest tensors of the encoder, `[batch · seq, intermediate]`, and most of them are
//! kept until the gradient has read them. As one node a GELU is one pass, and its gradient needs nothing but its input
//! (`rules/gelu.rs`).

use std::collections::HashMap;

use larder_onnx::proto::{GraphProto, NodeProto, OperatorSetIdProto};
use larder_onnx::{Model, OnnxError};

use crate::emit::MICROSOFT;

/// The largest deviation of a constant from its exact value: float32's rounding, wherever it was rounded first.
const CLOSE: f32 = 1e-6;

/// The model with com.microsoft `Gelu` and `FastGelu` in the place of the patterns that [`larder_onnx::build`] writes.
///
/// # Errors
/// As [`Model::from_proto`].
pub(super) fn fuse(model: Model) -> Result<Model, OnnxError> {
    let mut proto = model.into_proto();
    let graph = proto.graph.get_or_insert_default();
    let found = Patterns::of(graph).found();
    if found.is_empty() {
        return Model::from_proto(proto);
    }
    let inside: Vec<&String> = found.iter().flat_map(|pattern| &pattern.inside).collect();
    graph.node.retain(|node| node.output.first().is_none_or(|output| !inside.contains(&output)));
    for node in &mut graph.node {
        let Some(pattern) = found.iter().find(|pattern| node.output.first() == Some(&pattern.output)) else { continue };
        node.op_type = Some(pattern.op_type.to_owned());
        node.domain = Some(MICROSOFT.to_owned());
        node.input = vec![pattern.input.clone()];
    }
    if !proto.opset_import.iter().any(|import| import.domain() == MICROSOFT) {
        proto.opset_import.push(OperatorSetIdProto { domain: Some(MICROSOFT.to_owned()), version: Some(1) });
    }
    Model::from_proto(proto)
}

/// An activation in several nodes.
struct Pattern {
    op_type: &'static str,
    input: String,
    output: String,
    /// Tensors computed on the path that nothing else reads.
    inside: Vec<String>,
}

struct Patterns<'a> {
    graph: &'a GraphProto,
    producers: HashMap<&'a str, &'a NodeProto>,
    readers: HashMap<&'a str, usize>,
}

impl<'a> Patterns<'a> {
    fn of(graph: &'a GraphProto) -> Self {
        let mut readers = HashMap::new();
        let outputs = graph.output.iter().map(|output| output.name());
        for name in graph.node.iter().flat_map(|node| &node.input).map(String::as_str).chain(outputs) {
            *readers.entry(name).or_default() += 1;
        }
        let producers = graph.node.iter().filter_map(|node| Some((node.output.first()?.as_str(), node))).collect();
        Self { graph, producers, readers }
    }

    fn found(&self) -> Vec<Pattern> {
        self.graph.node.iter().filter_map(|node| self.with_erf(node).or_else(|| self.with_tanh(node))).collect()
    }

    /// `x · (1 + erf(x / √2)) · 0.5`, as its last node.
    fn with_erf(&self, last: &NodeProto) -> Option<Pattern> {
        let mut inside = Vec::new();
        let product = self.operand(last, "Mul", 0.5, &mut inside)?;
        let x = product.input.first()?;
        let shifted = self.inner(product, 1, &mut inside)?;
        let erf = self.operand(shifted, "Add", 1.0, &mut inside)?;
        let scaled = self.inner(erf, 0, &mut inside)?;
        let is_gelu = product.is_op("Mul")
            && erf.is_op("Erf")
            && scaled.is_op("Div")
            && scaled.input.first() == Some(x)
            && self.is_constant(scaled.input.get(1)?, std::f32::consts::SQRT_2);
        is_gelu.then(|| Pattern { op_type: "Gelu", input: x.clone(), output: last.output[0].clone(), inside })
    }

    /// `x · 0.5 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))`, as its last node.
    fn with_tanh(&self, last: &NodeProto) -> Option<Pattern> {
        let mut inside = Vec::new();
        let (halved, shifted) = (self.inner(last, 0, &mut inside)?, self.inner(last, 1, &mut inside)?);
        let x = halved.input.first()?;
        let tanh = self.operand(shifted, "Add", 1.0, &mut inside)?;
        let scaled = self.inner(tanh, 0, &mut inside)?;
        let slope = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
        let sum = self.operand(scaled, "Mul", slope, &mut inside)?;
        let cubic = self.inner(sum, 1, &mut inside)?;
        let cube = self.operand(cubic, "Mul", 0.044715, &mut inside)?;
        let is_gelu = last.is_op("Mul")
            && halved.is_op("Mul")
            && self.is_constant(halved.input.get(1)?, 0.5)
            && tanh.is_op("Tanh")
            && sum.is_op("Add")
            && cube.is_op("Pow")
            && [sum.input.first()?, cube.input.first()?] == [x, x]
            && self.is_constant(cube.input.get(1)?, 3.0);
        is_gelu.then(|| Pattern { op_type: "FastGelu", input: x.clone(), output: last.output[0].clone(), inside })
    }

    /// Returns the producer of the first input of a node `op_type` whose second input is the constant `value`.
    fn operand(&self, node: &NodeProto, op_type: &str, value: f32, inside: &mut Vec<String>) -> Option<&'a NodeProto> {
        let is_it = node.is_op(op_type) && self.is_constant(node.input.get(1)?, value);
        if is_it { self.inner(node, 0, inside) } else { None }
    }

    /// Returns the producer of an input that no other node reads.
    fn inner(&self, node: &NodeProto, index: usize, inside: &mut Vec<String>) -> Option<&'a NodeProto> {
        let name = node.input.get(index)?;
        let producer = self.producers.get(name.as_str()).filter(|_| self.readers[name.as_str()] == 1)?;
        inside.push(name.clone());
        Some(producer)
    }

    fn is_constant(&self, name: &str, value: f32) -> bool {
        let tensor = self.graph.initializer.iter().find(|tensor| tensor.name() == name);
        let values = tensor.filter(|tensor| tensor.dims.iter().product::<i64>() == 1).and_then(|it| it.floats().ok());
        values.is_some_and(|values| (values[0] - value).abs() < CLOSE)
    }
}

#[cfg(test)]
mod tests {
    use larder_onnx::{Activation, EncoderConfig, Family, build, random_weights};

    use super::*;

    fn encoder(activation: Activation) -> Model {
        let config = EncoderConfig {
            vocab_size: 9,
            hidden_size: 4,
            embedding_size: 4,
            num_attention_heads: 2,
            num_hidden_layers: 2,
            num_hidden_groups: 2,
            intermediate_size: 6,
            hidden_act: activation,
            ..EncoderConfig::of(Family::Bert)
        };
        build(&config, &random_weights(&config, 0).expect("the configuration is sound"))
            .expect("the configuration is whole")
    }

    fn count(model: &Model, op_type: &str) -> usize {
        model.graph().node.iter().filter(|node| node.op_type() == op_type).count()
    }

    #[test]
    fn a_gelu_becomes_one_node_unless_something_inside_is_read() {
        let kinds = [(Activation::Gelu, "Erf", "Gelu", 4), (Activation::GeluNew, "Tanh", "FastGelu", 7)];
        for (activation, inner, whole, fewer) in kinds {
            let encoder = encoder(activation);
            let mut read = encoder.clone().into_proto();
            let graph = read.graph.as_mut().expect("a model has a graph");
            let nodes = graph.node.len();
            // In the first of two layers.
            let place = graph.node.iter().position(|node| node.op_type() == inner).expect("the encoder has it");
            let name = graph.node[place].output[0].clone();
            let reader = NodeProto { input: vec![name], output: vec!["read".to_owned()], ..graph.node[place].clone() };
            graph.node.push(reader);
            let read = Model::from_proto(read).expect("the graph is whole");

            let fused = fuse(encoder).expect("the graph stays whole");
            // The pooler's tanh is none.
            let others = usize::from(inner == "Tanh");
            assert_eq!((count(&fused, inner), count(&fused, whole)), (others, 2));
            assert_eq!(fused.graph().node.len(), nodes - 2 * fewer);
            assert_eq!(count(&fuse(read).expect("the graph stays whole"), whole), 1);
        }
    }

    #[test]
    fn other_activations_stay() {
        let encoder = encoder(Activation::Silu);
        let nodes = encoder.graph().node.len();
        assert_eq!(fuse(encoder).expect("the graph stays whole").graph().node.len(), nodes);
    }
}
