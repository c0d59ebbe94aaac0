//! Inputs of other types than most, outputs that can be read in two ways, and the names that decide.

use larder_intake::{AddRequest, AddedEncoder, EncoderError, Outcome, add_with, verify};
use larder_onnx::proto::NodeProto;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::type_proto::Value as TypeValue;
use larder_onnx::{Axis, GraphBuilder, Hints, Model, Value};

use crate::support::{Bench, chain, edited, without_names};

/// Two outputs of vectors for tokens, neither made of the other.
fn twofold(model: Model) -> Model {
    let opset = model.opset("").expect("has operators");
    let mut model = model;
    for key in ["larder.hidden_states", "larder.pooler_output"] {
        model.set_metadata(key, None);
    }
    edited(model, |graph| {
        let mut b = GraphBuilder::from_graph(std::mem::take(graph), opset);
        let tokens = Value::named("last_hidden_state");
        let (tanh, doubled) = (b.tanh(&tokens), b.add(&tokens, &tokens));
        b.clear_outputs();
        for (name, value) in [("tanh", tanh), ("doubled", doubled)] {
            let axes = [Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(32)];
            b.output(&value, name, DataType::Float, &axes);
        }
        *graph = b.finish();
    })
}

#[test]
fn of_two_readings_a_name_decides_and_another_is_another_encoder() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(twofold);
    let read = |token: Option<&str>| -> Result<AddedEncoder, EncoderError> {
        let hints = Hints { last_hidden_state: token.map(str::to_owned), ..Hints::default() };
        let request = AddRequest { source: source.clone(), name: Some("two".to_owned()), ..AddRequest::default() };
        add_with(&bench.home, &bench.runtime, &request, &hints, &mut |_| ())
    };
    let said = chain(&read(None).expect_err("two readings"));
    assert!(["tanh", "doubled", "last_hidden_state"].iter().all(|word| said.contains(word)), "{said}");
    let said = chain(&read(Some("other")).expect_err("no such output"));
    assert!(said.contains("\"other\"") && said.contains("doubled"), "{said}");

    let added = read(Some("doubled")).expect("is decided");
    assert_eq!(added.encoder.interface().token_output.as_ref().map(|output| output.name.as_str()), Some("doubled"));
    assert!(verify(&added.encoder, &bench.runtime, &mut |_| ()).is_sound());
    assert_eq!(read(Some("doubled")).expect("is the same").outcome, Outcome::Unchanged);
    assert!(matches!(read(Some("tanh")), Err(EncoderError::Exists { .. })));
}

#[test]
fn masks_of_other_types_are_fed_as_they_are_declared() {
    let Some(bench) = Bench::new() else { return };
    let plain = bench.tiny("tiny");
    for dtype in [DataType::Int32, DataType::Float, DataType::Float16, DataType::Bool] {
        let change = |model: Model| {
            edited(model, |graph| {
                let mask = graph.input.iter_mut().find(|input| input.name() == "attention_mask").expect("has a mask");
                let kind = mask.r#type.as_mut().and_then(|kind| kind.value.as_mut());
                let Some(TypeValue::TensorType(tensor)) = kind else { panic!("the mask is a tensor") };
                tensor.elem_type = Some(dtype as i32);
                for node in &mut graph.node {
                    for input in node.input.iter_mut().filter(|input| **input == "attention_mask") {
                        *input = "whole".to_owned();
                    }
                }
                let cast = NodeProto {
                    op_type: Some("Cast".to_owned()),
                    input: vec!["attention_mask".to_owned()],
                    output: vec!["whole".to_owned()],
                    attribute: vec![larder_onnx::attribute::int("to", DataType::Int64 as i64)],
                    ..Default::default()
                };
                graph.node.insert(0, cast);
            })
        };
        let source = bench.changed(|model| without_names(change(model)));
        let request = AddRequest { source, name: Some("masked".to_owned()), replace: true, ..AddRequest::default() };
        let manifest = bench.add(&request).expect("is taken").encoder.manifest().clone();
        assert!(manifest.mask_honoured, "{dtype:?}: {:?}", manifest.probe);
        // The numbers are those of the whole mask.
        assert!((manifest.probe.scale - plain.manifest().probe.scale).abs() < 1e-6, "{dtype:?}");
    }
}
