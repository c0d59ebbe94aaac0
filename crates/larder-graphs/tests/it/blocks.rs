//! Whole blocks by random projection: for random `u` and `v`, `<u, J v>` by central differences is `<Jᵀ u, v>` by the
//! backward graph. Two directions of a block with thousands of inputs test every term in it.

use larder_graphs::{Request, check_kernels, differentiate};
use larder_onnx::facts::{Dim, TensorFact};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, TensorProto, Value, attribute};
use larder_runtime::TensorData;

use crate::support::*;

const ROWS: usize = 2;
const TOKENS: usize = 5;
const HEADS: usize = 3;
const HEAD: usize = 4;
const HIDDEN: usize = HEADS * HEAD;

/// The step along a direction of length one for each input: small beside the values, large beside their rounding.
const STEP: f32 = 1.0 / 16.0;

/// The tolerance, beside the larger side: a few roundings of sums over some hundred outputs, and `step⁴`.
const TOLERANCE: f64 = 5e-4;

/// Compares both sides for `y` of a block whose float inputs are these, all called `p0`, `p1`, ...
fn projects(opset: i64, shapes: &[&[usize]], build: impl FnOnce(&mut GraphBuilder, &[Value]) -> Value) {
    let mut b = GraphBuilder::new("block", opset);
    let axes = |shape: &[usize]| shape.iter().map(|&size| Axis::Fixed(size)).collect::<Vec<_>>();
    let names: Vec<String> = (0..shapes.len()).map(|place| format!("p{place}")).collect();
    let values: Vec<Value> =
        names.iter().zip(shapes).map(|(name, shape)| b.input(name, DataType::Float, &axes(shape))).collect();
    let output = [ROWS, TOKENS, HIDDEN];
    b.input("u", DataType::Float, &axes(&output));
    let y = b.scoped("block", |b| build(b, &values));
    b.output(&y, "y", DataType::Float, &axes(&output));
    let forward = model(b.finish(), opset);

    let mut random = Random::new(3);
    let mut tensor = |shape: &[usize]| f32s(shape, &random.floats(shape.iter().product(), -1.0, 1.0));
    let mut feeds: Feeds = names.iter().zip(shapes).map(|(name, shape)| (name.clone(), tensor(shape))).collect();
    feeds.push(("u".to_owned(), tensor(&output)));
    let directions: Vec<Vec<f32>> = shapes.iter().map(|shape| floats(&tensor(shape)).to_vec()).collect();

    let mut facts = learn(&forward, &[(0, 0, feeds.clone())]);
    facts.insert("u", TensorFact::float(&output.map(Dim::fixed)));
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let request = Request { outputs: &[("y", "u")], wanted: &wanted, ..Default::default() };
    let done = differentiate(forward, &mut facts, &request).unwrap_or_else(|problem| panic!("{}", chain(&problem)));
    assert!(done.unreached.is_empty(), "{:?}", done.unreached);
    check_kernels(&done.model).expect("every node has a kernel");
    let named: Vec<(String, &Value)> =
        wanted.iter().map(|name| (format!("d.{name}"), &done.gradients[*name])).collect();
    let y = Value::named("y");
    let mut outputs: Vec<(&str, &Value)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    outputs.push(("the.y", &y));
    let names: Vec<&str> = outputs.iter().map(|(name, _)| *name).collect();
    let mut session = session(&with_outputs(done.model, &outputs));
    let found = run(&mut session, &feeds, &names[..wanted.len()]);

    let u = floats(&feeds[wanted.len()].1).to_vec();
    for (place, direction) in directions.iter().enumerate() {
        let length = direction.iter().map(|value| value * value).sum::<f32>().sqrt();
        let mut at = |steps: f32| -> f64 {
            let mut moved = feeds.clone();
            let TensorData::F32(values) = &mut moved[place].1.data else { panic!("inputs are float32") };
            values.iter_mut().zip(direction).for_each(|(value, way)| *value += steps * STEP * way / length);
            let y = run(&mut session, &moved, &["the.y"]);
            floats(&y[0]).iter().zip(&u).map(|(y, u)| f64::from(*y) * f64::from(*u)).sum()
        };
        let numeric = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * f64::from(STEP));
        let pairs = floats(&found[place]).iter().zip(direction);
        let analytic = pairs.map(|(g, way)| f64::from(*g) * f64::from(*way)).sum::<f64>() / f64::from(length);
        let scale = numeric.abs().max(0.1);
        assert!((analytic - numeric).abs() < TOLERANCE * scale, "input {place}: {analytic} for {numeric}");
    }
}

fn heads(b: &mut GraphBuilder, x: &Value, weight: &Value) -> Value {
    let product = b.mat_mul(x, weight);
    let shape = b.integers(&[0, 0, HEADS as i64, HEAD as i64]);
    let split = b.reshape(&product, &shape);
    b.transpose(&split, &[0, 2, 1, 3])
}

/// Attention with the weights handed through `between`, from `[rows, tokens, hidden]` to the same.
fn attention(
    b: &mut GraphBuilder,
    p: &[Value],
    fused: bool,
    between: impl FnOnce(&mut GraphBuilder, &Value) -> Value,
) -> Value {
    let [query, key, value] = [1, 2, 3].map(|place| heads(b, &p[0], &p[place]));
    let scores = if fused {
        let attributes = vec![attribute::int("transB", 1), attribute::float("alpha", 0.5)];
        b.node_of("com.microsoft", "FusedMatMul", &[&query, &key], attributes)
    } else {
        let turned = b.transpose(&key, &[0, 1, 3, 2]);
        let (scores, two) = (b.mat_mul(&query, &turned), b.scalar("two", 2.0));
        b.div(&scores, &two)
    };
    let weights = b.softmax(&scores);
    let weights = between(b, &weights);
    let context = b.mat_mul(&weights, &value);
    let context = b.transpose(&context, &[0, 2, 1, 3]);
    let flat = b.integers(&[0, 0, HIDDEN as i64]);
    let context = b.reshape(&context, &flat);
    b.add(&context, &p[0])
}

const TOKEN_SHAPE: &[usize] = &[ROWS, TOKENS, HIDDEN];
const SQUARE: &[usize] = &[HIDDEN, HIDDEN];

#[test]
fn attention_in_both_spellings() {
    for fused in [false, true] {
        projects(17, &[TOKEN_SHAPE, SQUARE, SQUARE, SQUARE], |b, p| {
            attention(b, p, fused, |_, weights| weights.clone())
        });
    }
}

#[test]
fn attention_weights_that_others_read_too() {
    // The short cut through the context must not be taken: the weights get a second gradient.
    projects(17, &[TOKEN_SHAPE, SQUARE, SQUARE, SQUARE], |b, p| {
        let mut seen = None;
        let y = attention(b, p, true, |_, weights| {
            seen = Some(weights.clone());
            weights.clone()
        });
        let weights = seen.expect("attention hands its weights on");
        let square = b.mul(&weights, &weights);
        let sum = b.reduce_sum(&square, &[1, 2, 3], true);
        let sum = b.node("Squeeze", &[&sum, &Value::named("last")], vec![]);
        b.initializer(TensorProto::from_i64("last", &[1], &[3]));
        b.mul(&y, &sum)
    });
}

#[test]
fn attention_through_a_dropout_that_keeps_all() {
    projects(17, &[TOKEN_SHAPE, SQUARE, SQUARE, SQUARE], |b, p| {
        let ratio = b.initializer(TensorProto::from_f32("ratio", &[], &[0.0]));
        let training = b.initializer(TensorProto::from_raw("training", &[], DataType::Bool, vec![1]));
        attention(b, p, false, |b, weights| b.node("Dropout", &[weights, &ratio, &training], vec![]))
    });
}

#[test]
fn feed_forward_with_normalisation_and_residual() {
    const WIDE: usize = 20;
    let shapes: &[&[usize]] =
        &[TOKEN_SHAPE, &[HIDDEN, WIDE], &[WIDE], &[WIDE, HIDDEN], &[HIDDEN], &[HIDDEN], &[HIDDEN]];
    for opset in [17, 20] {
        projects(opset, shapes, |b, p| {
            let wide = b.mat_mul(&p[0], &p[1]);
            let wide = b.add(&wide, &p[2]);
            let wide = match opset {
                20 => b.node("Gelu", &[&wide], vec![]),
                _ => b.node_of("com.microsoft", "Gelu", &[&wide], vec![]),
            };
            let narrow = b.mat_mul(&wide, &p[3]);
            let narrow = b.add(&narrow, &p[4]);
            let sum = b.add(&narrow, &p[0]);
            b.layer_normalization(&sum, &p[5], Some(&p[6]), 1e-5)
        });
    }
}

#[test]
fn normalisation_written_out() {
    projects(17, &[TOKEN_SHAPE, &[HIDDEN], &[HIDDEN]], |b, p| {
        let mean = b.reduce_mean(&p[0], &[-1], true);
        let centred = b.sub(&p[0], &mean);
        let two = b.scalar("two", 2.0);
        let square = b.pow(&centred, &two);
        let variance = b.reduce_mean(&square, &[-1], true);
        let epsilon = b.scalar("epsilon", 1e-5);
        let variance = b.add(&variance, &epsilon);
        let deviation = b.node("Sqrt", &[&variance], vec![]);
        let normalised = b.div(&centred, &deviation);
        let scaled = b.mul(&normalised, &p[1]);
        b.add(&scaled, &p[2])
    });
}
