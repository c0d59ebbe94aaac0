//! Malformed models are errors that say where; well-formed ones can be ordered, pruned, saved.

use larder_onnx::proto::tensor_proto::{DataLocation, DataType};
use larder_onnx::proto::{GraphProto, ModelProto, NodeProto, StringStringEntryProto};
use larder_onnx::{Axis, GraphBuilder, Model, OnnxError};
use prost::Message;
use tempfile::tempdir;

use crate::support::tiny_model;

/// `x -> Tanh -> Erf -> y`, the nodes in the wrong order.
fn chain() -> GraphProto {
    let mut b = GraphBuilder::new("chain", 17);
    let x = b.input("x", DataType::Float, &[Axis::symbol("n")]);
    let first = b.tanh(&x);
    let second = b.erf(&first);
    b.output(&second, "y", DataType::Float, &[Axis::symbol("n")]);
    let mut graph = b.finish();
    graph.node.reverse();
    graph
}

fn message(graph: GraphProto) -> String {
    Model::from_graph(graph, 17).expect_err("the graph is malformed").to_string()
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    let text = Model::from_bytes(&b"version https://git-lfs.github.com/spec/v1"[..]).unwrap_err();
    assert!(matches!(text, OnnxError::NotProtobuf { bytes: 42, .. }), "{text}");
    assert!(matches!(Model::from_bytes(&[][..]), Err(OnnxError::NoGraph)));
    let bytes = tiny_model().to_bytes().expect("it is small");
    assert!(matches!(Model::from_bytes(bytes[..bytes.len() / 2].to_vec()), Err(OnnxError::NotProtobuf { .. })));
    let no_outputs = ModelProto { graph: Some(GraphProto::default()), ..Default::default() };
    assert!(matches!(Model::from_bytes(no_outputs.encode_to_vec()), Err(OnnxError::NoOutputs)));
}

#[test]
fn a_file_is_named_in_its_error() {
    let folder = tempdir().expect("a temporary folder");
    let path = folder.path().join("absent.onnx");
    assert!(Model::load(&path).unwrap_err().to_string().contains("absent.onnx"));
    std::fs::write(&path, b"").expect("can be written");
    assert!(Model::load(&path).unwrap_err().to_string().contains("absent.onnx"));
}

#[test]
fn wrong_wiring_is_named() {
    let mut dangling = chain();
    dangling.node[0].input[0] = "nowhere".to_owned();
    assert_eq!(message(dangling), "node \"Erf\" (Erf) reads \"nowhere\", which no node, input or initializer provides");

    let mut cycle = chain();
    cycle.node[1].input[0] = "y".to_owned();
    assert_eq!(message(cycle), "the graph has a cycle through the nodes \"Erf\", \"Tanh\"");

    let mut twice = chain();
    twice.node[1].output[0] = "y".to_owned();
    assert_eq!(message(twice), "tensor \"y\" is produced twice: by node \"Erf\" and by node \"Tanh\"");

    let mut absent = chain();
    absent.output[0].name = Some("z".to_owned());
    assert!(message(absent).starts_with("no tensor \"z\" in the graph"));

    let mut nameless = chain();
    nameless.node.push(NodeProto::default());
    assert!(matches!(Model::from_graph(nameless, 17), Err(OnnxError::NoOperator { .. })));
}

#[test]
fn nodes_are_ordered_and_pruned() {
    let model = Model::from_graph(chain(), 17).expect("order is no fault");
    let names = |model: &Model| -> Vec<String> { model.graph().node.iter().map(|n| n.op_type().to_owned()).collect() };
    let sorted = model.sorted().expect("there is no cycle");
    assert_eq!(names(&sorted), ["Tanh", "Erf"]);
    assert_eq!(sorted.opset("ai.onnx").expect("is imported"), 17);
    assert!(matches!(sorted.opset("com.microsoft"), Err(OnnxError::NoOpset { .. })));
    assert!(matches!(sorted.clone().pruned(&["z"]), Err(OnnxError::NoTensor { .. })));
    assert_eq!(names(&sorted.pruned(&["Tanh"]).expect("is there")), ["Tanh"]);

    let embeddings = tiny_model().pruned(&["hidden_states.0"]).expect("is there");
    assert!(embeddings.graph().initializer.iter().all(|tensor| !tensor.name().starts_with("encoder.")));
    assert_eq!(embeddings.inputs().len(), 3);
}

#[test]
fn saving_and_loading_is_the_identity() {
    let folder = tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    let model = tiny_model();
    model.save(&path).expect("can be written");
    let again = Model::load(&path).expect("can be read");
    assert_eq!(again, model);
    assert_eq!(std::fs::read(&path).expect("is there"), again.to_bytes().expect("it is small"));
}

#[test]
fn external_data_is_named() {
    let model = tiny_model()
        .edited(|graph| {
            let tensor = &mut graph.initializer[0];
            tensor.raw_data = None;
            tensor.data_location = Some(DataLocation::External as i32);
            tensor.external_data =
                vec![StringStringEntryProto { key: Some("location".to_owned()), value: Some("big.data".to_owned()) }];
            Ok(())
        })
        .expect("the structure is sound");
    let message = model.check_self_contained().unwrap_err().to_string();
    assert!(message.contains("embeddings.word_embeddings.weight") && message.contains("big.data"), "{message}");
}
