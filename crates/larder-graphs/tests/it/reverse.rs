//! Gradients through a graph: sums over several readers, ends, open axes, saved outputs.

use larder_graphs::{Request, Scatter, check_kernels, differentiate};
use larder_onnx::facts::{Dim, TensorFact};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Model, TensorProto, Value, attribute};
use larder_runtime::{Tensor, TensorData};

use crate::support::*;

fn shape() -> [Axis; 2] {
    [Axis::symbol("batch"), Axis::Fixed(2)]
}

/// Feeds of `x` and `seed`, `[rows, 2]`.
fn feeds(rows: usize) -> Feeds {
    let mut random = Random::new(rows as u64);
    let mut next = || f32s(&[rows, 2], &random.floats(2 * rows, -1.0, 1.0));
    vec![("x".to_owned(), next()), ("seed".to_owned(), next())]
}

/// The gradients of `wanted` for three rows, learned from two and five.
fn gradients(b: GraphBuilder, opset: i64, wanted: &[&str]) -> (Vec<Tensor>, Vec<String>, Model) {
    let forward = model(b.finish(), opset);
    let mut facts = learn(&forward, &[(2, 0, feeds(2)), (5, 0, feeds(5))]);
    let request = Request { outputs: &[("y", "seed")], wanted, ..Default::default() };
    let done = differentiate(forward, &mut facts, &request).unwrap_or_else(|problem| panic!("{}", chain(&problem)));
    check_kernels(&done.model).expect("every node has a kernel");
    let named: Vec<(String, &Value)> =
        wanted.iter().filter_map(|name| Some((format!("d.{name}"), done.gradients.get(*name)?))).collect();
    let mut outputs: Vec<(&str, &Value)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let names: Vec<&str> = outputs.iter().map(|(name, _)| *name).collect();
    let y = Value::named("y");
    outputs.push(("the.y", &y));
    let backward = with_outputs(done.model, &outputs);
    let found = run(&mut session(&backward), &feeds(3), &names);
    (found, done.unreached, backward)
}

fn inputs(b: &mut GraphBuilder) -> Value {
    b.input("seed", DataType::Float, &shape());
    b.input("x", DataType::Float, &shape())
}

#[test]
fn contributions_of_all_readers_add_up() {
    let mut b = GraphBuilder::new("test", 17);
    let x = inputs(&mut b);
    // y = x + 3 x + x x + (x + 3 x): the derivative is 8 + 2 x.
    let three = b.scalar("three", 3.0);
    let tripled = b.mul(&x, &three);
    let sum = b.add(&x, &tripled);
    let square = b.mul(&x, &x);
    let y = b.add(&sum, &square);
    let y = b.add(&y, &sum);
    b.output(&y, "y", DataType::Float, &shape());
    let (found, unreached, _) = gradients(b, 17, &["x"]);
    assert!(unreached.is_empty());
    let fed = feeds(3);
    for ((found, x), seed) in floats(&found[0]).iter().zip(floats(&fed[0].1)).zip(floats(&fed[1].1)) {
        assert!((found - seed * (8.0 + 2.0 * x)).abs() < 1e-5, "{found}");
    }
}

#[test]
fn a_residual_passes_the_gradient_on_without_a_node() {
    let mut b = GraphBuilder::new("test", 17);
    let x = inputs(&mut b);
    let weight = b.initializer(TensorProto::from_f32("w", &[2], &[1.0, 2.0]));
    let y = b.add(&x, &weight);
    b.output(&y, "y", DataType::Float, &shape());
    let forward = model(b.finish(), 17);
    let mut facts = learn(&forward, &[(2, 0, feeds(2)), (5, 0, feeds(5))]);
    let request = Request { outputs: &[("y", "seed")], wanted: &["x", "w"], ..Default::default() };
    let done = differentiate(forward, &mut facts, &request).expect("both have rules");
    assert_eq!(done.gradients["x"].name(), "seed");
    // A row of ones, of which one is enough for the whole graph, and a product with it: the sum of the rows.
    let made: Vec<&str> = done.model.graph().node.iter().skip(1).map(|node| node.op_type()).collect();
    assert_eq!(made, ["Shape", "Gather", "Unsqueeze", "Concat", "Expand", "MatMul", "Reshape"]);
    assert_eq!(done.model.graph().node[6].name(), "grad.Add.MatMul");
    assert_eq!(facts.get(done.gradients["w"].name()), Some(&TensorFact::float(&[Dim::fixed(2)])));
}

#[test]
fn what_the_outputs_do_not_depend_on_is_listed() {
    let mut b = GraphBuilder::new("test", 17);
    let x = inputs(&mut b);
    for name in ["steps", "aside", "used"] {
        b.initializer(TensorProto::from_f32(name, &[2], &[0.4, 0.6]));
    }
    let steps = b.node("Round", &[&Value::named("steps")], vec![]);
    b.add(&x, &Value::named("aside"));
    let y = b.add(&x, &steps);
    let y = b.mul(&y, &Value::named("used"));
    b.output(&y, "y", DataType::Float, &shape());
    let (found, unreached, _) = gradients(b, 17, &["steps", "used", "aside"]);
    assert_eq!(unreached, ["steps", "aside"]);
    assert_eq!(found.len(), 1);
}

#[test]
fn a_tensor_inside_can_be_wanted() {
    let mut b = GraphBuilder::new("test", 17);
    let x = inputs(&mut b);
    let inner = b.tanh(&x);
    let inner = b.rename(&inner, "inner");
    let y = b.mul(&inner, &inner);
    b.output(&y, "y", DataType::Float, &shape());
    let (found, _, backward) = gradients(b, 17, &["inner"]);
    let fed = feeds(3);
    for ((found, x), seed) in floats(&found[0]).iter().zip(floats(&fed[0].1)).zip(floats(&fed[1].1)) {
        assert!((found - 2.0 * seed * x.tanh()).abs() < 1e-5, "{found}");
    }
    // Nothing is made below it.
    assert!(!nodes(&backward).contains("grad.Tanh"), "{}", nodes(&backward));
}

#[test]
fn open_axes_are_worked_out_when_the_graph_runs() {
    for opset in [16, 17, 21] {
        let mut b = GraphBuilder::new("test", opset);
        let x = inputs(&mut b);
        // [rows, 2] to [rows, 2, rows] by broadcasting, to [rows, rows] by a mean, and back to [rows, 2].
        let column = b.unsqueeze(&x, &[2]);
        let turned = b.transpose(&x, &[1, 0]);
        let wide = b.mul(&column, &turned);
        let square = b.reduce_mean(&wide, &[1], false);
        let rows = b.node("Gather", &[&square, &Value::named("ids")], vec![attribute::int("axis", 1)]);
        b.initializer(TensorProto::from_i64("ids", &[2], &[1, 0]));
        let means = b.reduce_mean(&square, &[0], true);
        let means = b.reduce_mean(&means, &[1], true);
        let (start, end) = (b.integers(&[-1]), b.integers(&[i64::MAX]));
        let zero = b.integers(&[0]);
        let last = b.slice(&x, &start, &end, &zero);
        let y = b.add(&rows, &means);
        let y = b.mul(&y, &last);
        b.output(&y, "y", DataType::Float, &shape());
        let (found, _, backward) = gradients(b, opset, &["x"]);
        assert_differences(&backward, &found[0]);
    }
}

/// The gradient of `x` against central differences of `y`, which the same graph gives.
fn assert_differences(backward: &Model, gradient: &Tensor) {
    let mut forward = session(backward);
    let fed = feeds(3);
    let seed = floats(&fed[1].1).to_vec();
    let numeric: Vec<f64> = (0..6)
        .map(|element| {
            let mut at = |step: f32| -> f64 {
                let mut moved = fed.clone();
                let TensorData::F32(values) = &mut moved[0].1.data else { panic!("x is float32") };
                values[element] += step;
                let y = run(&mut forward, &moved, &["the.y"]);
                floats(&y[0]).iter().zip(&seed).map(|(y, seed)| f64::from(*y) * f64::from(*seed)).sum()
            };
            let step = 1.0 / 32.0;
            (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * f64::from(step))
        })
        .collect();
    crate::differences::assert_agrees("x", floats(gradient), &numeric, 1e-4);
}

#[test]
fn dropout_in_training_keeps_its_mask() {
    for (fed_ratio, fed_mode) in [(false, false), (true, false), (false, true)] {
        let mut b = GraphBuilder::new("test", 17);
        let x = inputs(&mut b);
        b.initializer(TensorProto::from_f32("ratio", &[], &[0.25]));
        b.initializer(TensorProto::from_raw("training", &[], DataType::Bool, vec![1]));
        let [mut ratio, mut training] = ["ratio", "training"].map(Value::named);
        // The same values, which the graph does not know beforehand.
        if fed_ratio {
            ratio = b.node("Max", &[&ratio, &ratio], vec![]);
        }
        if fed_mode {
            training = b.not(&training);
            training = b.not(&training);
        }
        let kept = b.node("Dropout", &[&x, &ratio, &training], vec![attribute::int("seed", 3)]);
        b.output(&kept, "y", DataType::Float, &shape());
        let forward = model(b.finish(), 17);
        let many = |rows: usize| -> Feeds {
            let ones = f32s(&[rows, 2], &vec![1.0; 2 * rows]);
            let seed = f32s(&[rows, 2], &Random::new(1).floats(2 * rows, -1.0, 1.0));
            vec![("x".to_owned(), ones), ("seed".to_owned(), seed)]
        };
        let mut facts = learn(&forward, &[(2, 0, many(2)), (5, 0, many(5))]);
        let request = Request { outputs: &[("y", "seed")], wanted: &["x"], ..Default::default() };
        let done = differentiate(forward, &mut facts, &request).expect("dropout has a rule");
        check_kernels(&done.model).expect("every node has a kernel");
        let gradient = done.gradients["x"].clone();
        let backward = with_outputs(done.model, &[("d", &gradient), ("kept", &Value::named("y"))]);
        let found = run(&mut session(&backward), &many(200), &["d", "kept"]);
        let seed = many(200).remove(1).1;
        let mut dropped = 0;
        for ((d, kept), seed) in floats(&found[0]).iter().zip(floats(&found[1])).zip(floats(&seed)) {
            dropped += usize::from(*kept == 0.0);
            assert!((d - kept * seed).abs() < 1e-6, "{d} {kept} {seed}");
        }
        // 400 draws of 0.25: six deviations.
        assert!((48..=152).contains(&dropped), "{dropped}");
    }
}

#[test]
fn a_table_is_added_up_into_given_zeros_and_by_atomic_additions() {
    let rows = 100;
    let ids: Vec<i64> = (0..40).map(|place| if place % 2 == 0 { 7 } else { place }).collect();
    for scatter in [Scatter::Product, Scatter::Atomic] {
        let mut b = GraphBuilder::new("test", 17);
        let axes = [Axis::Fixed(rows), Axis::Fixed(2)];
        let (table, _) = (b.input("table", DataType::Float, &axes), b.input("zeros", DataType::Float, &axes));
        let seed_axes = [Axis::symbol("n"), Axis::Fixed(2)];
        b.input("seed", DataType::Float, &seed_axes);
        let ids_value = b.input("ids", DataType::Int64, &[Axis::symbol("n")]);
        let y = b.gather(&table, &ids_value, 0);
        b.output(&y, "y", DataType::Float, &seed_axes);
        let forward = model(b.finish(), 17);
        let seed = Random::new(4).integers(2 * ids.len(), -9, 9);
        let seed: Vec<f32> = seed.iter().map(|&value| value as f32).collect();
        let fed = |count: usize| -> Feeds {
            vec![
                ("table".to_owned(), f32s(&[rows, 2], &vec![0.5; 2 * rows])),
                ("zeros".to_owned(), f32s(&[rows, 2], &vec![0.0; 2 * rows])),
                ("seed".to_owned(), f32s(&[count, 2], &seed[..2 * count])),
                ("ids".to_owned(), i64s(&[count], &ids[..count])),
            ]
        };
        let mut facts = learn(&forward, &[(3, 0, fed(3)), (5, 0, fed(5))]);
        let zeros = [("table", "zeros")];
        let request =
            Request { outputs: &[("y", "seed")], wanted: &["table"], zeros: &zeros, scatter, ..Request::default() };
        let done = differentiate(forward, &mut facts, &request).expect("a table has a gradient");
        check_kernels(&done.model).expect("every node has a kernel");
        let last = done.model.graph().node.last().expect("there are nodes");
        assert_eq!((last.op_type(), last.input[0].as_str()), ("ScatterND", "zeros"));
        let gradient = done.gradients["table"].clone();
        let backward = with_outputs(done.model, &[("d", &gradient)]);
        let found = run(&mut session(&backward), &fed(40), &["d"]);
        let mut expected = vec![0.0; 2 * rows];
        for (place, &id) in ids.iter().enumerate() {
            for feature in 0..2 {
                expected[2 * id as usize + feature] += seed[2 * place + feature];
            }
        }
        // Sums of whole numbers: exact.
        assert_eq!(floats(&found[0]), expected, "{scatter:?}");
    }
}
