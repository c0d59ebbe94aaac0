//! Operator sets a little before and behind those that gradients are written for.

use crate::builder::GraphBuilder;
use crate::proto::{AttributeProto, ModelProto, NodeProto};

/// The set that made the axes of `Squeeze`, `Unsqueeze` and `ReduceSum`, and the sizes of `Split`, inputs.
const AXES_AS_INPUTS: i64 = 13;

/// The first set whose operators differ from that one in nothing else that encoders use.
const OLDEST: i64 = 11;

/// The newest set that every kernel of the stock runtime's CUDA build knows.
const NEWEST: i64 = 21;

/// The newest set that differs from that one in new operators and element types alone.
const NEWEST_READ: i64 = 24;

/// Attributes of the sets after [`NEWEST`], which change what an operator does.
const NEWER_ATTRIBUTES: [(&str, &str); 1] = [("Cast", "round_mode")];

/// Brings a model of a set from 11 to 24 to one from 13 to 21, where that changes nothing but how it is written. Operators that
/// came later stay, and are named when they are met.
pub(super) fn within_reach(mut proto: ModelProto) -> ModelProto {
    let Some(import) = proto.opset_import.iter_mut().find(|import| matches!(import.domain(), "" | "ai.onnx")) else {
        return proto;
    };
    let found = import.version();
    // Without an axis it was 1, and all behind it were one: another softmax.
    let is_other = |node: &NodeProto| {
        ["Softmax", "LogSoftmax"].iter().any(|op_type| node.is_op(op_type)) && node.find_attribute("axis").is_none()
    };
    let has_other = proto.graph.iter().flat_map(|graph| &graph.node).any(is_other);
    if (OLDEST..AXES_AS_INPUTS).contains(&found) && !has_other {
        import.version = Some(AXES_AS_INPUTS);
        let graph = proto.graph.get_or_insert_default();
        let nodes = std::mem::take(&mut graph.node);
        let mut b = GraphBuilder::from_graph(std::mem::take(graph), AXES_AS_INPUTS);
        nodes.iter().for_each(|node| b.reserve(node));
        for node in nodes {
            let node = with_inputs(&mut b, node);
            b.push(node);
        }
        *graph = b.finish();
    } else if (NEWEST + 1..=NEWEST_READ).contains(&found) {
        import.version = Some(NEWEST);
        for node in proto.graph.iter_mut().flat_map(|graph| &mut graph.node) {
            let is_newer = |attribute: &AttributeProto| {
                NEWER_ATTRIBUTES.iter().any(|(op_type, name)| node.op_type() == *op_type && attribute.name() == *name)
            };
            let newer: Vec<bool> = node.attribute.iter().map(is_newer).collect();
            let mut newer = newer.into_iter();
            // Rounding to the nearest, as the earlier sets do.
            node.attribute.retain(|_| !newer.next().unwrap_or(false));
        }
    }
    proto
}

/// The node with what were its attributes before [`AXES_AS_INPUTS`] as inputs.
fn with_inputs(b: &mut GraphBuilder, mut node: NodeProto) -> NodeProto {
    let (moved, place) = match node.op_type() {
        _ if !matches!(node.domain(), "" | "ai.onnx") => return node,
        "Squeeze" | "Unsqueeze" | "ReduceSum" => ("axes", 1),
        "Split" => ("split", 1),
        "Dropout" => {
            // Its ratio is for training alone, which is not the mode.
            node.attribute.retain(|attribute| attribute.name() != "ratio");
            return node;
        }
        _ => return node,
    };
    if let Some(at) = node.attribute.iter().position(|attribute| attribute.name() == moved) {
        let values = node.attribute.remove(at).ints;
        let input = b.integers(&values);
        node.input.resize(place, String::new());
        node.input.push(input.name().to_owned());
    }
    node
}
