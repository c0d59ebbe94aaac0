//! Whole encoders with a head and a loss against PyTorch: `tests/goldens/graphs/recipe.py` made the expected values.

use crate::golden::{Golden, goldens};
use crate::support::*;
use larder_graphs::{Request, check_kernels, differentiate};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, EncoderConfig, GraphBuilder, Model, TensorProto, Value, Weights, attribute, build};
use larder_runtime::Tensor;

/// The tolerance of a gradient from PyTorch's float64, as a norm beside its own: sums of float32 products of a few hundred
/// terms through some thirty products in a row.
const CLOSE: f64 = 1e-5;

/// The encoder with the head of the recipe, and `loss`, float `[]`.
fn with_loss(folder: &str, golden: &Golden) -> Model {
    let folder = goldens().join("encoder").join(folder);
    let config = EncoderConfig::load(&folder.join("config.json")).expect("the golden's configuration is supported");
    let weights = Weights::load(&folder.join("model.safetensors")).expect("the golden's weights are well formed");
    let encoder = build(&config, &weights).expect("the golden can be built");
    let opset = encoder.opset("").expect("it imports ONNX's operators");
    let mut proto = encoder.into_proto();
    let mut b = GraphBuilder::from_graph(proto.graph.take().expect("a model has a graph"), opset);
    b.clear_outputs();
    for name in ["weight", "bias"] {
        let tensor = golden.tensor(name);
        b.initializer(TensorProto::from_f32(name, &tensor.shape, floats(&tensor)));
    }
    b.input("labels", DataType::Int64, &[Axis::symbol("batch")]);
    b.input("seed", DataType::Float, &[]);
    let loss = b.scoped("loss", |b| {
        let [hidden, pooled, mask, labels, weight, bias] =
            ["last_hidden_state", "pooler_output", "attention_mask", "labels", "weight", "bias"].map(Value::named);
        let mask = b.cast(&mask, DataType::Float);
        let count = b.reduce_sum(&mask, &[1], true);
        let mask = b.unsqueeze(&mask, &[2]);
        let kept = b.mul(&hidden, &mask);
        let sum = b.reduce_sum(&kept, &[1], false);
        let mean = b.div(&sum, &count);
        let features = b.add(&mean, &pooled);
        let logits = b.linear(&features, &weight, &bias);
        b.rename(&logits, "logits");
        let log = b.node("LogSoftmax", &[&Value::named("logits")], vec![attribute::int("axis", -1)]);
        let places = b.unsqueeze(&labels, &[1]);
        let picked = b.node("GatherElements", &[&log, &places], vec![attribute::int("axis", 1)]);
        let mean = b.reduce_mean(&picked, &[0, 1], false);
        b.node("Neg", &[&mean], vec![])
    });
    b.output(&loss, "loss", DataType::Float, &[]);
    proto.graph = Some(b.finish());
    Model::from_proto(proto).expect("the result is well formed")
}

fn feeds(golden: &Golden) -> Feeds {
    let names = ["input_ids", "attention_mask", "token_type_ids", "labels"];
    let mut feeds: Feeds = names.iter().map(|name| ((*name).to_owned(), golden.tensor(name))).collect();
    feeds.push(("seed".to_owned(), f32s(&[], &[1.0])));
    feeds
}

/// The first rows and tokens of a batch.
fn cut(feeds: &Feeds, rows: usize, seq: usize) -> Feeds {
    let cut = |(name, tensor): &(String, Tensor)| {
        let Some(values) = tensor.as_i64() else { return (name.clone(), tensor.clone()) };
        let kept: Vec<i64> = match tensor.shape.as_slice() {
            [_, width] => values.chunks(*width).take(rows).flat_map(|row| row[..seq].to_vec()).collect(),
            _ => values[..rows].to_vec(),
        };
        let shape: &[usize] = if tensor.shape.len() == 2 { &[rows, seq] } else { &[rows] };
        (name.clone(), i64s(shape, &kept))
    };
    feeds.iter().map(cut).collect()
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

fn agrees_with_pytorch(name: &str, folder: &str) {
    let golden = Golden::read(name);
    let forward = with_loss(folder, &golden);
    let fed = feeds(&golden);
    // Learned from other batches than the one that is compared.
    let batches = [(2, 3, cut(&fed, 2, 3)), (3, 7, cut(&fed, 3, 7))];
    let mut facts = learn(&forward, &batches);
    let parameters = golden.parameters();
    let wanted: Vec<&str> = parameters.iter().map(String::as_str).collect();
    let request = Request { outputs: &[("loss", "seed")], wanted: &wanted, ..Default::default() };
    let before = forward.graph().node.len();
    let done = differentiate(forward, &mut facts, &request).unwrap_or_else(|problem| panic!("{}", chain(&problem)));
    assert!(done.unreached.is_empty(), "{:?}", done.unreached);
    check_kernels(&done.model).expect("every node has a kernel");
    eprintln!("{name}: {before} nodes forward, {} in all", done.model.graph().node.len());

    let named: Vec<(String, &Value)> =
        wanted.iter().map(|name| (format!("d.{name}"), &done.gradients[*name])).collect();
    let (loss, logits) = (Value::named("loss"), Value::named("logits"));
    let mut outputs: Vec<(&str, &Value)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    outputs.extend([("the.loss", &loss), ("the.logits", &logits)]);
    let names: Vec<&str> = outputs.iter().map(|(name, _)| *name).collect();
    let training = with_outputs(done.model, &outputs);
    let found = run(&mut session(&training), &fed, &names);

    let (loss, expected) = (floats(&found[names.len() - 2])[0], floats(&golden.tensor("loss"))[0]);
    assert!((loss - expected).abs() < 1e-5, "{loss} for {expected}");
    let all = |of: &dyn Fn(usize) -> Vec<f32>| norm((0..wanted.len()).flat_map(of).map(f64::from));
    let total = all(&|place| floats(&golden.tensor(&format!("grad.{}", wanted[place]))).to_vec());
    for (parameter, found) in wanted.iter().zip(&found) {
        let expected = golden.tensor(&format!("grad.{parameter}"));
        assert_eq!(found.shape, expected.shape, "{parameter}");
        let differences = floats(found).iter().zip(floats(&expected)).map(|(a, b)| f64::from(*a) - f64::from(*b));
        let difference = norm(differences);
        let size = norm(floats(&expected).iter().map(|&value| f64::from(value)));
        // A shift of all keys changes no attention: their bias has no gradient but rounding.
        let limit = if parameter.ends_with("key.bias") { 1e-6 * total } else { CLOSE * size };
        assert!(difference <= limit, "{name}, {parameter}: {difference:e} of {size:e}");
    }
}

#[test]
fn bert_agrees_with_pytorch() {
    agrees_with_pytorch("bert", "tiny");
}

#[test]
fn albert_with_its_shared_layers_agrees_with_pytorch() {
    agrees_with_pytorch("albert", "albert");
}
