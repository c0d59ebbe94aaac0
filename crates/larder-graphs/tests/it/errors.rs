//! Graphs that cannot be differentiated: the error names the reason and the node.

use larder_graphs::not_differentiable_operators;
use larder_graphs::{GraphsError, Request, check_kernels, differentiable_operators, differentiate};
use larder_onnx::facts::{Dim, Facts, TensorFact};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Model, Value, attribute};

use crate::support::*;

/// `y = build(x)` with `x` and a seed of shape `[2, 3]`, and facts about all of them.
fn graph(opset: i64, build: impl FnOnce(&mut GraphBuilder, &Value) -> Value) -> (Model, Facts) {
    let mut b = GraphBuilder::new("test", opset);
    let axes = [Axis::Fixed(2), Axis::Fixed(3)];
    let x = b.input("x", DataType::Float, &axes);
    b.input("seed", DataType::Float, &axes);
    let y = b.scoped("layer", |b| build(b, &x));
    b.output(&y, "y", DataType::Float, &axes);
    let model = model(b.finish(), opset);
    let mut facts = Facts::default();
    for name in model.graph().node.iter().flat_map(|node| &node.output).map(String::as_str).chain(["x", "seed"]) {
        facts.insert(name, TensorFact::float(&[Dim::fixed(2), Dim::fixed(3)]));
    }
    (model, facts)
}

fn problem(opset: i64, build: impl FnOnce(&mut GraphBuilder, &Value) -> Value) -> GraphsError {
    let (model, mut facts) = graph(opset, build);
    let request = Request { outputs: &[("y", "seed")], wanted: &["x"], ..Default::default() };
    differentiate(model, &mut facts, &request).expect_err("it cannot be differentiated")
}

#[test]
fn an_operator_without_a_rule_is_named() {
    let found = problem(17, |b, x| b.node("Sinh", &[x], vec![]));
    let GraphsError::UnsupportedOperator { node, op_type, tensor, supported, .. } = &found else { panic!("{found:?}") };
    assert_eq!((node.as_str(), op_type.as_str(), tensor.as_str()), ("layer.Sinh", "Sinh", "x"));
    assert!(supported.contains("LayerNormalization") && supported.contains("com.microsoft.FusedMatMul"));
    // Also where the tensors between are no floats: nothing is lost in a quantisation.
    let found = problem(17, |b, x| {
        let scale = b.scalar("scale", 0.1);
        let quantised = b.node("QuantizeLinear", &[x, &scale], vec![]);
        b.node("DequantizeLinear", &[&quantised, &scale], vec![])
    });
    assert!(found.to_string().contains("QuantizeLinear"), "{found}");
}

#[test]
fn a_form_without_a_rule_is_named() {
    let found = problem(17, |b, x| {
        let (start, end, steps) = (b.integers(&[3]), b.integers(&[0]), b.integers(&[-1]));
        b.node("Slice", &[x, &start, &end, &end, &steps], vec![])
    });
    assert!(matches!(found, GraphsError::NoFact { .. } | GraphsError::UnsupportedForm { .. }), "{found}");
    let found = problem(20, |b, x| b.node("Gelu", &[x], vec![attribute::string("approximate", "other")]));
    assert!(found.to_string().contains("layer.Gelu") && found.to_string().contains("other"), "{found}");
}

#[test]
fn an_operator_set_out_of_range_is_refused() {
    for opset in [12, 22] {
        let found = problem(opset, |b, x| b.tanh(x));
        assert!(matches!(found, GraphsError::Opset { .. }), "{found}");
        assert!(found.to_string().contains("13 to 21"), "{found}");
    }
}

#[test]
fn unknown_tensors_and_wrong_seeds_are_named() {
    let ask = |request: &Request<'_>| {
        let (model, mut facts) = graph(17, |b, x| b.tanh(x));
        facts.insert("short", TensorFact::float(&[Dim::fixed(3)]));
        differentiate(model, &mut facts, request).expect_err("something is wrong").to_string()
    };
    let starts = [("y", "seed")];
    let found = ask(&Request { outputs: &starts, wanted: &["w"], ..Default::default() });
    assert!(found.contains("\"w\"") && found.contains("wanted"), "{found}");
    let found = ask(&Request { outputs: &[("y", "nothing")], wanted: &["x"], ..Default::default() });
    assert!(found.contains("\"nothing\""), "{found}");
    let (model, mut facts) = graph(17, |b, x| b.tanh(x));
    facts.insert("seed", TensorFact::float(&[Dim::fixed(3)]));
    let request = Request { outputs: &starts, wanted: &["x"], ..Default::default() };
    let found = differentiate(model, &mut facts, &request).expect_err("the seed is short").to_string();
    assert!(found.contains("[3]") && found.contains("[2, 3]"), "{found}");
    let (model, mut facts) = graph(17, |b, x| b.tanh(x));
    facts.insert("x", TensorFact { dtype: DataType::Int64, ..TensorFact::float(&[]) });
    let found = differentiate(model, &mut facts, &request).expect_err("integers have no gradient");
    assert!(matches!(found, GraphsError::NotAFloat { .. }), "{found}");
}

#[test]
fn a_missing_kernel_is_named() {
    let (model, _) = graph(17, |b, x| b.tanh(x));
    check_kernels(&model).expect("all have kernels");
    let (model, _) = graph(17, |b, x| b.node("Mean", &[x], vec![]));
    let found = check_kernels(&model).expect_err("CUDA has none").to_string();
    assert!(found.contains("layer.Mean") && found.contains("CUDA"), "{found}");
}

#[test]
fn every_operator_has_one_outcome_that_can_be_asked_for() {
    let rules = differentiable_operators();
    let ends = not_differentiable_operators();
    assert!(rules.contains(&"MatMul".to_owned()) && !rules.contains(&"Shape".to_owned()));
    assert!(ends.iter().any(|(name, reason)| name == "Shape" && reason.contains("shape")));
}
