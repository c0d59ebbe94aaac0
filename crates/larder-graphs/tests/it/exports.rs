//! Encoders as exporters write them, by random projection on all their parameters; `tests/exports/recipe.py` and
//! `others.py` beside it made the files.

use std::path::Path;

use larder_graphs::{GraphsError, Request, differentiate};
use larder_onnx::facts::{Dim, TensorFact};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::type_proto;
use larder_onnx::{Axis, Interface, Model, Value, value_info};
use larder_runtime::{Tensor, TensorData};

use crate::support::*;

/// The step along a direction of length one in the space of all parameters.
const STEP: f32 = 1.0 / 32.0;

/// The tolerance, beside the larger side: attention of random weights bends sharply, and a wrong rule on the way is
/// off by several percent.
const TOLERANCE: f64 = 2e-3;

fn load(folder: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/exports").join(folder).join("model.onnx");
    Model::load(&path).expect("the export is checked in")
}

/// A model whose float matrices and vectors are inputs, and their values.
fn with_parameters_as_inputs(model: Model) -> (Model, Feeds) {
    let mut proto = model.into_proto();
    let graph = proto.graph.as_mut().expect("a model has a graph");
    let is_parameter = |tensor: &larder_onnx::TensorProto| {
        tensor.data_type() == DataType::Float as i32 && tensor.dims.iter().product::<i64>() > 1
    };
    let parameters: Vec<_> = graph.initializer.iter().filter(|tensor| is_parameter(tensor)).cloned().collect();
    graph.initializer.retain(|tensor| !is_parameter(tensor));
    let mut feeds = Feeds::new();
    for tensor in &parameters {
        let shape: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
        let axes: Vec<Axis> = shape.iter().map(|&size| Axis::Fixed(size)).collect();
        graph.input.push(value_info(tensor.name(), DataType::Float, &axes));
        feeds.push((tensor.name().to_owned(), f32s(&shape, &tensor.floats().expect("a float tensor"))));
    }
    (Model::from_proto(proto).expect("the result is well formed"), feeds)
}

fn texts(interface: &Interface, rows: usize, seq: usize) -> Feeds {
    let mut random = Random::new((rows * seq) as u64);
    let shape = [rows, seq];
    let mut mask = vec![1; rows * seq];
    // The second text is a token shorter.
    if rows > 1 {
        mask[2 * seq - 1] = 0;
    }
    let mut feeds = vec![(interface.input_ids.name.clone(), i64s(&shape, &random.integers(rows * seq, 1, 20)))];
    if let Some(input) = &interface.attention_mask {
        feeds.push((input.name.clone(), i64s(&shape, &mask)));
    }
    if let Some(input) = &interface.token_type_ids {
        feeds.push((input.name.clone(), i64s(&shape, &random.integers(rows * seq, 0, 2))));
    }
    feeds
}

/// Integers in the type that the model takes.
fn as_taken(model: &Model, feeds: Feeds) -> Feeds {
    let is_narrow = |name: &str| {
        let info = model.inputs().into_iter().find(|input| input.name() == name);
        let kind = info.and_then(|info| info.r#type.clone()).and_then(|kind| kind.value);
        matches!(kind, Some(type_proto::Value::TensorType(tensor)) if tensor.elem_type() == DataType::Int32 as i32)
    };
    let converted = |(name, tensor): (String, Tensor)| match &tensor.data {
        TensorData::I64(values) if is_narrow(&name) => {
            let data = TensorData::I32(values.iter().map(|&value| value as i32).collect());
            (name, Tensor { data, ..tensor })
        }
        _ => (name, tensor),
    };
    feeds.into_iter().map(converted).collect()
}

/// Differentiates the first output of an export with respect to every parameter, and compares along one direction.
fn agrees(folder: &str, learned: &[(usize, usize)], compared: (usize, usize)) {
    let original = load(folder);
    let interface = Interface::recognise(&original).expect("the export is recognised");
    let output = original.outputs()[0].name().to_owned();
    let (forward, parameters) = with_parameters_as_inputs(original);
    let fed = |(rows, seq): (usize, usize)| -> Feeds {
        let texts = as_taken(&forward, texts(&interface, rows, seq));
        texts.into_iter().chain(parameters.iter().cloned()).collect()
    };
    let mut feeds = fed(compared);
    let batches: Vec<_> = learned.iter().map(|&size| (size.0, size.1, fed(size))).collect();
    let mut facts = learn(&forward, &batches);
    let seed_fact: TensorFact = facts.get(&output).expect("the output is known").clone();
    facts.insert("seed", seed_fact.clone());
    let mut proto = forward.into_proto();
    let axis = |(place, dim): (usize, &Dim)| dim.as_fixed().map_or(Axis::symbol(&format!("n{place}")), Axis::Fixed);
    let axes: Vec<Axis> = seed_fact.shape.iter().enumerate().map(axis).collect();
    proto.graph.as_mut().expect("a model has a graph").input.push(value_info("seed", DataType::Float, &axes));
    let forward = Model::from_proto(proto).expect("the graph is well formed");

    let wanted: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    let request = Request { outputs: &[(&output, "seed")], wanted: &wanted, ..Default::default() };
    let done =
        differentiate(forward, &mut facts, &request).unwrap_or_else(|problem| panic!("{folder}: {}", chain(&problem)));
    // The pooler, where the first output is the tokens.
    assert!(done.unreached.len() <= 2, "{folder}: {:?}", done.unreached);
    let reached: Vec<&str> = wanted.iter().copied().filter(|name| done.gradients.contains_key(*name)).collect();
    assert!(reached.len() > 20, "{folder}: {reached:?}");
    let named: Vec<(String, &Value)> =
        reached.iter().map(|name| (format!("d.{name}"), &done.gradients[*name])).collect();
    let y = Value::named(&output);
    let mut outputs: Vec<(&str, &Value)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    outputs.push(("the.y", &y));
    let names: Vec<&str> = outputs.iter().map(|(name, _)| *name).collect();
    let mut session = session(&with_outputs(done.model, &outputs));

    let mut random = Random::new(8);
    let shape: Vec<usize> = seed_fact.shape.iter().map(|dim: &Dim| dim.at(compared.0, compared.1)).collect();
    let seed = random.floats(shape.iter().product(), -1.0, 1.0);
    feeds.push(("seed".to_owned(), f32s(&shape, &seed)));
    let found = run(&mut session, &feeds, &names[..reached.len()]);
    let directions: Vec<Vec<f32>> = found.iter().map(|tensor| random.floats(floats(tensor).len(), -1.0, 1.0)).collect();
    let length = directions.iter().flatten().map(|value| value * value).sum::<f32>().sqrt();
    let pairs = found.iter().zip(&directions).flat_map(|(found, way)| floats(found).iter().zip(way));
    let analytic = pairs.map(|(g, way)| f64::from(*g) * f64::from(*way)).sum::<f64>() / f64::from(length);
    let mut at = |steps: f32| -> f64 {
        let mut moved = feeds.clone();
        for (name, way) in reached.iter().zip(&directions) {
            let tensor = &mut moved.iter_mut().find(|(fed, _)| fed == name).expect("parameters are fed").1;
            let TensorData::F32(values) = &mut tensor.data else { panic!("parameters are float32") };
            values.iter_mut().zip(way).for_each(|(value, way)| *value += steps * STEP * way / length);
        }
        let y = run(&mut session, &moved, &["the.y"]);
        floats(&y[0]).iter().zip(&seed).map(|(y, u)| f64::from(*y) * f64::from(*u)).sum()
    };
    let numeric = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * f64::from(STEP));
    assert!(numeric.abs() > 0.01, "{folder}: {numeric} is too small a slope to compare");
    assert!((analytic - numeric).abs() < TOLERANCE * numeric.abs().max(0.1), "{folder}: {analytic} for {numeric}");
}

#[test]
fn exports_are_differentiated_as_they_are() {
    for folder in [
        "albert_ts_eager",
        "bert_dynamo_nameless",
        "bert_dynamo_only_mean_normalized",
        "distilbert_dynamo_sdpa",
        "head_distilbert_text_classification",
        "keras_bert",
    ] {
        agrees(folder, &[(2, 3), (3, 7)], (2, 5));
    }
}

#[test]
fn an_export_of_one_size_is_differentiated_at_that_size() {
    agrees("bert_ts_fixed_1", &[(1, 16)], (1, 16));
}

#[test]
fn operators_of_inference_are_named() {
    for (folder, operator) in [("optimum_bert_O2", "Attention"), ("nbits_4bit", "MatMulNBits")] {
        let (forward, parameters) = with_parameters_as_inputs(load(folder));
        let output = forward.outputs()[0].name().to_owned();
        let interface = Interface::recognise(&load(folder)).expect("the export is recognised");
        let fed: Feeds = texts(&interface, 2, 3).into_iter().chain(parameters.iter().cloned()).collect();
        let mut facts = learn(&forward, &[(2, 3, fed)]);
        let wanted: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        let request = Request { outputs: &[(&output, &output)], wanted: &wanted, ..Default::default() };
        let found = differentiate(forward, &mut facts, &request).expect_err("there is no rule");
        assert!(matches!(&found, GraphsError::UnsupportedOperator { op_type, .. } if op_type == operator), "{found}");
    }
}
