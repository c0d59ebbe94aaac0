//! Models that keep part of themselves in functions of their own: read as what they compute, layer for layer.

use std::collections::HashSet;
use std::ops::Range;

use larder_onnx::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto};
use larder_onnx::{Interface, Model, OnnxError};

use crate::support::tiny_model;

const DOMAIN: &str = "somebody.modules";

/// Moves the nodes at `places` of `graph` into a function called `name`. Constants stay in the graph and are handed in.
fn moved(graph: &mut GraphProto, places: Range<usize>, name: &str) -> FunctionProto {
    let nodes: Vec<NodeProto> = graph.node.drain(places.clone()).collect();
    let made: HashSet<String> = nodes.iter().flat_map(|node| node.output.clone()).collect();
    let mut inputs: Vec<String> = Vec::new();
    for input in nodes.iter().flat_map(|node| &node.input) {
        if !input.is_empty() && !made.contains(input) && !inputs.contains(input) {
            inputs.push(input.clone());
        }
    }
    let read: HashSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
    let given: HashSet<&str> = graph.output.iter().map(|output| output.name()).collect();
    let is_used = |name: &&String| read.contains(name) || given.contains(name.as_str());
    let outputs: Vec<String> = nodes.iter().flat_map(|node| &node.output).filter(is_used).cloned().collect();
    let call = NodeProto {
        op_type: Some(name.to_owned()),
        domain: Some(DOMAIN.to_owned()),
        input: inputs.clone(),
        output: outputs.clone(),
        ..Default::default()
    };
    graph.node.insert(places.start, call);
    FunctionProto {
        name: Some(name.to_owned()),
        domain: Some(DOMAIN.to_owned()),
        input: inputs,
        output: outputs,
        node: nodes,
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        ..Default::default()
    }
}

/// The tiny encoder with half of its nodes in functions, one inside the other.
fn with_functions() -> ModelProto {
    let mut proto = tiny_model().into_proto();
    let graph = proto.graph.as_mut().expect("has a graph");
    let nodes = graph.node.len();
    let inner = moved(graph, nodes / 2 + 4..nodes / 2 + 12, "Inner");
    let outer = moved(graph, nodes / 2..nodes - 10, "Outer");
    assert!(outer.node.iter().any(|node| node.op_type() == "Inner"), "one calls the other");
    proto.functions = vec![outer, inner];
    proto.opset_import.push(OperatorSetIdProto { domain: Some(DOMAIN.to_owned()), version: Some(1) });
    proto
}

#[test]
fn layers_inside_functions_are_found_as_outside() {
    let plain = Interface::recognise(&tiny_model()).expect("is recognised");
    let hidden = Model::from_proto(with_functions()).expect("is well formed");
    assert!(hidden.graph().node.len() < tiny_model().graph().node.len() - 8, "nodes are hidden in functions");
    let inlined = hidden.inlined().expect("can be read");
    assert_eq!(inlined.graph().node.len(), tiny_model().graph().node.len());
    let found = Interface::recognise(&inlined).expect("is recognised");
    assert_eq!((found.layers, found.hidden_states.len()), (plain.layers, plain.hidden_states.len()));
    assert_eq!((found.layers, found.vocabulary_size), (Some(2), plain.vocabulary_size));
    assert_eq!(found.hidden_states_problem, None);
}

#[test]
fn the_same_function_called_twice_is_two_pieces() {
    let mut proto = tiny_model().into_proto();
    let graph = proto.graph.as_mut().expect("has a graph");
    let last = graph.node.len() - 1;
    let function = moved(graph, last..last + 1, "Last");
    let mut again = graph.node.last().expect("the call").clone();
    again.output = again.output.iter().map(|name| format!("{name} again")).collect();
    graph.node.push(again);
    proto.functions = vec![function];
    proto.opset_import.push(OperatorSetIdProto { domain: Some(DOMAIN.to_owned()), version: Some(1) });
    let inlined = Model::from_proto(proto).expect("is well formed").inlined().expect("can be read");
    assert_eq!(inlined.graph().node.len(), tiny_model().graph().node.len() + 1);
    let outputs: Vec<&String> = inlined.graph().node.iter().flat_map(|node| &node.output).collect();
    assert_eq!(outputs.iter().collect::<HashSet<_>>().len(), outputs.len(), "no name is given twice");
}

#[test]
fn functions_without_an_end_are_refused() {
    let mut proto = with_functions();
    // The inner one calls the outer one.
    let call = proto.graph.as_ref().expect("has a graph").node.iter().find(|node| node.op_type() == "Outer").cloned();
    proto.functions[1].node.push(call.expect("the call"));
    let error = Model::from_proto(proto).expect("is well formed").inlined().expect_err("calls itself");
    assert!(matches!(error, OnnxError::Function { .. }), "{error}");
    // Each calls the next twice: a graph of a thousand million nodes in a few kilobytes.
    let mut proto = with_functions();
    let body = |name: String, next: String| FunctionProto {
        name: Some(name),
        domain: Some(DOMAIN.to_owned()),
        input: vec!["x".to_owned()],
        output: vec!["z".to_owned()],
        node: [("x", "y"), ("y", "z")]
            .map(|(from, to)| NodeProto {
                op_type: Some(next.clone()),
                domain: Some(DOMAIN.to_owned()),
                input: vec![from.to_owned()],
                output: vec![to.to_owned()],
                ..Default::default()
            })
            .to_vec(),
        ..Default::default()
    };
    proto.functions = (0..60).map(|at| body(format!("F{at}"), format!("F{}", at + 1))).collect();
    let graph = proto.graph.as_mut().expect("has a graph");
    let output = graph.output[0].name().to_owned();
    graph.output.truncate(1);
    graph.node = vec![NodeProto {
        op_type: Some("F0".to_owned()),
        domain: Some(DOMAIN.to_owned()),
        input: vec![graph.input[0].name().to_owned()],
        output: vec![output],
        ..Default::default()
    }];
    let error = Model::from_proto(proto).expect("is well formed").inlined().expect_err("is too large");
    assert!(matches!(error, OnnxError::Function { .. }), "{error}");
}
