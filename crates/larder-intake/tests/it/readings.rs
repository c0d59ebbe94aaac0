//! Inputs of other types than most, outputs that can be read in two ways, and the names that decide.

use larder_intake::{AddRequest, AddedEncoder, EncoderError, Outcome, PooledKind, Prepared, add_with, verify};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::type_proto::Value as TypeValue;
use larder_onnx::proto::{NodeProto, TensorProto};
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

/// The tiny BERT with rows of a table added to its vectors: row 0 changes nothing, the last one much. `input` makes the
/// rows' numbers.
fn with_rows(model: Model, rows: usize, input: impl FnOnce(&mut GraphBuilder) -> Value) -> Model {
    let opset = model.opset("").expect("has operators");
    edited(without_names(model), |graph| {
        let tokens = Value::named(graph.output[0].name());
        let mut b = GraphBuilder::from_graph(std::mem::take(graph), opset);
        let mut values = vec![0.0; rows * 32];
        values[(rows - 1) * 32..].fill(9.0);
        let table = b.initializer(TensorProto::from_f32("table of tasks", &[rows, 32], &values));
        let index = input(&mut b);
        let found = b.gather(&table, &index, 0);
        let sum = b.add(&tokens, &found);
        b.clear_outputs();
        b.output(&sum, "vectors", DataType::Float, &[Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(32)]);
        *graph = b.finish();
    })
}

#[test]
fn an_input_with_one_value_for_every_text_is_0_unless_told() {
    let Some(bench) = Bench::new() else { return };
    let plain = bench.tiny("tiny").manifest().probe.scale;
    bench.write("changed/config.json", r#"{"type_vocab_size": 2}"#);
    let (single, each) = ([], [Axis::symbol("batch"), Axis::symbol("seq")]);
    for (name, rows, axes) in [("task_id", 5, &single[..]), ("task_types", 3, &each[..])] {
        let source = bench.changed(|model| with_rows(model, rows, |b| b.input(name, DataType::Int64, axes)));
        let add = |value: Option<i64>, replace: bool| -> Result<AddedEncoder, EncoderError> {
            let request =
                AddRequest { source: source.clone(), name: Some(name.to_owned()), replace, ..AddRequest::default() };
            let constants = value.map(|value| (name.to_owned(), value)).into_iter().collect();
            add_with(&bench.home, &bench.runtime, &request, &Hints { constants, ..Hints::default() }, &mut |_| ())
        };
        let added = add(None, false).expect("0 is given");
        assert!((added.encoder.manifest().probe.scale - plain).abs() < 1e-6, "{name}");
        assert!(added.notes.iter().any(|note| note.contains(&format!("{name:?} is 0"))), "{:?}", added.notes);
        assert_eq!(added.encoder.manifest().constant_inputs[0].name, name);
        assert!(verify(&added.encoder, &bench.runtime, &mut |_| ()).is_sound());
        assert_eq!(add(None, false).expect("is the same").outcome, Outcome::Unchanged);
        // Another value makes another encoder.
        let last = Some(rows as i64 - 1);
        assert!(matches!(add(last, false), Err(EncoderError::Exists { .. })), "{name}");
        let added = add(last, true).expect("is told");
        assert!(added.encoder.manifest().probe.scale > 2.0 * plain, "{name}");
        assert!(!added.notes.iter().any(|note| note.contains(name)), "{:?}", added.notes);
    }
}

#[test]
fn positions_without_a_table_are_counted() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(|model| {
        let opset = model.opset("").expect("has operators");
        edited(without_names(model), |graph| {
            let tokens = Value::named(graph.output[0].name());
            let mut b = GraphBuilder::from_graph(std::mem::take(graph), opset);
            let positions = b.input("places", DataType::Int64, &[Axis::symbol("rows"), Axis::symbol("tokens")]);
            let positions = b.cast(&positions, DataType::Float);
            let column = b.unsqueeze(&positions, &[2]);
            let frequencies: Vec<f32> = (0..32).map(|at| 0.9_f32.powi(at)).collect();
            let frequencies = b.initializer(TensorProto::from_f32("frequencies", &[1, 32], &frequencies));
            let angles = b.mat_mul(&column, &frequencies);
            let cosines = b.node("Cos", &[&angles], vec![]);
            let turned = b.mul(&tokens, &cosines);
            b.clear_outputs();
            b.output(&turned, "vectors", DataType::Float, &[Axis::symbol("b"), Axis::symbol("s"), Axis::Fixed(32)]);
            *graph = b.finish();
        })
    });
    let added = bench.add(&AddRequest { source, name: Some("rotary".to_owned()), ..AddRequest::default() });
    let encoder = added.expect("is read").encoder;
    assert_eq!(encoder.interface().position_ids.as_ref().map(|input| input.name.as_str()), Some("places"));
    assert!(encoder.manifest().mask_honoured, "{:?}", encoder.manifest().probe);
    assert!(verify(&encoder, &bench.runtime, &mut |_| ()).is_sound());
}

/// A projection inside the model, as a sentence encoder's last layer is.
#[test]
fn a_named_pooled_output_may_have_another_width_than_the_tokens() {
    let Some(bench) = Bench::new() else { return };
    for width in [20, 48, 8] {
        let source = bench.changed(|model| {
            let opset = model.opset("").expect("has operators");
            edited(without_names(model), |graph| {
                let tokens = Value::named(graph.output[0].name());
                let mut b = GraphBuilder::from_graph(std::mem::take(graph), opset);
                let first = b.integer(0);
                let cls = b.gather(&tokens, &first, 1);
                let values: Vec<f32> = (0..32 * width).map(|at| ((at * 37 % 101) as f32 - 50.0) / 100.0).collect();
                let weight = b.initializer(TensorProto::from_f32("projection", &[32, width], &values));
                let projected = b.mat_mul(&cls, &weight);
                let sentence = b.tanh(&projected);
                b.clear_outputs();
                let [batch, seq] = ["batch", "seq"].map(Axis::symbol);
                b.output(&tokens, "tokens", DataType::Float, &[batch.clone(), seq, Axis::Fixed(32)]);
                b.output(&sentence, "sentence", DataType::Float, &[batch, Axis::Fixed(width)]);
                *graph = b.finish();
            })
        });
        let add = |name: Option<&str>| {
            let hints = Hints { pooler_output: name.map(str::to_owned), ..Hints::default() };
            let request = AddRequest {
                source: source.clone(),
                name: Some("narrow".to_owned()),
                replace: true,
                ..AddRequest::default()
            };
            add_with(&bench.home, &bench.runtime, &request, &hints, &mut |_| ())
        };
        // It may be anything as long as nobody names it.
        assert!(add(None).expect("gives tokens").encoder.interface().pooled_outputs.is_empty());
        let encoder = add(Some("sentence")).expect("is named").encoder;
        let interface = encoder.interface();
        assert_eq!((interface.hidden_size, interface.pooled_size), (32, Some(width)));
        assert_eq!(encoder.manifest().probe.pooled[0].kind, PooledKind::OtherWidth);
        assert!(matches!(&encoder.manifest().prepared, Prepared::Rebuilt(record) if !record.pooler));
        assert!(verify(&encoder, &bench.runtime, &mut |_| ()).is_sound());
        let error = add(Some("tokens")).expect_err("is no vector of a text");
        assert!(matches!(error, EncoderError::OutputShape { .. }), "{error}");
    }
}
