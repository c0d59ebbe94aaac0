//! The table of operators: those with a rule, and those at which a gradient ends.

use larder_onnx::proto::NodeProto;

use crate::emit::MICROSOFT;
use crate::rule::Rule;
use crate::rules::{
    activation, arithmetic, cast, concat, conv, dropout, einsum, extremum, gather, gelu, gemm, layer_norm, layout,
    matmul, own_operators, power, reduce, slice, softmax,
};

/// The treatment of an operator. An operator that is not in the table is not supported.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    /// Gradients of its float inputs are made from those of its outputs.
    Rule(Rule),
    /// No gradient passes, for the reason given: the derivative is zero, or there is none to speak of because the output
    /// is no float.
    NotDifferentiable(&'static str),
}

use Outcome::{NotDifferentiable, Rule as By};

const INTEGERS: &str = "its output is made of integers or truth values";
const SHAPE_ONLY: &str = "its output depends on the shape of its input, and on none of its values";
const STEPS: &str = "its derivative is zero wherever it has one: it changes in steps";
const RANDOM: &str = "its output is drawn at random";
const CONSTANT: &str = "its output is a constant";

/// One line an operator: domain, name, outcome. What differs between the operator sets of [`OPSETS`](crate::OPSETS) is
/// said, and handled, in the rule.
const TABLE: &[(&str, &str, Outcome)] = &[
    ("", "Abs", By(activation::abs)),
    ("", "Add", By(arithmetic::add)),
    ("", "And", NotDifferentiable(INTEGERS)),
    ("", "ArgMax", NotDifferentiable(INTEGERS)),
    ("", "ArgMin", NotDifferentiable(INTEGERS)),
    ("", "Bernoulli", NotDifferentiable(RANDOM)),
    // To a float type. What is no float carries no gradient, whoever made it.
    ("", "Cast", By(cast::cast)),
    ("", "CastLike", By(cast::cast)),
    ("", "Ceil", NotDifferentiable(STEPS)),
    ("", "Clip", By(extremum::clip)),
    ("", "Concat", By(concat::concat)),
    ("", "Constant", NotDifferentiable(CONSTANT)),
    ("", "ConstantOfShape", NotDifferentiable(CONSTANT)),
    ("", "Conv", By(conv::conv)),
    ("", "Div", By(arithmetic::div)),
    ("", "Dropout", By(dropout::dropout)),
    ("", "Einsum", By(einsum::einsum)),
    ("", "Equal", NotDifferentiable(INTEGERS)),
    ("", "Erf", By(activation::erf)),
    ("", "Exp", By(power::exp)),
    ("", "Expand", By(layout::expand)),
    ("", "EyeLike", NotDifferentiable(SHAPE_ONLY)),
    ("", "Flatten", By(layout::reshape)),
    ("", "Floor", NotDifferentiable(STEPS)),
    ("", "Gather", By(gather::gather)),
    ("", "GatherElements", By(gather::gather_elements)),
    ("", "GatherND", By(gather::gather_nd)),
    ("", "Gelu", By(gelu::gelu)),
    ("", "Gemm", By(gemm::gemm)),
    ("", "GlobalAveragePool", By(reduce::global_mean)),
    ("", "Greater", NotDifferentiable(INTEGERS)),
    ("", "GreaterOrEqual", NotDifferentiable(INTEGERS)),
    ("", "Identity", By(cast::identity)),
    ("", "IsInf", NotDifferentiable(INTEGERS)),
    ("", "IsNaN", NotDifferentiable(INTEGERS)),
    ("", "LayerNormalization", By(layer_norm::layer_normalization)),
    ("", "Less", NotDifferentiable(INTEGERS)),
    ("", "LessOrEqual", NotDifferentiable(INTEGERS)),
    ("", "Log", By(power::log)),
    ("", "LogSoftmax", By(softmax::log_softmax)),
    ("", "MatMul", By(matmul::mat_mul)),
    ("", "Max", By(extremum::extremum)),
    ("", "Mean", By(arithmetic::mean)),
    ("", "Min", By(extremum::extremum)),
    ("", "Mul", By(arithmetic::mul)),
    ("", "Neg", By(arithmetic::neg)),
    ("", "NonZero", NotDifferentiable(INTEGERS)),
    ("", "Not", NotDifferentiable(INTEGERS)),
    ("", "OneHot", NotDifferentiable(INTEGERS)),
    ("", "Or", NotDifferentiable(INTEGERS)),
    ("", "Pad", By(slice::pad)),
    ("", "Pow", By(power::pow)),
    ("", "RandomNormalLike", NotDifferentiable(RANDOM)),
    ("", "RandomUniformLike", NotDifferentiable(RANDOM)),
    ("", "Reciprocal", By(power::reciprocal)),
    ("", "ReduceL1", By(reduce::l1)),
    ("", "ReduceL2", By(reduce::l2)),
    ("", "ReduceLogSumExp", By(reduce::log_sum_exp)),
    ("", "ReduceMax", By(reduce::extremum)),
    ("", "ReduceMean", By(reduce::mean)),
    ("", "ReduceMin", By(reduce::extremum)),
    ("", "ReduceSum", By(reduce::sum)),
    ("", "ReduceSumSquare", By(reduce::sum_square)),
    ("", "Relu", By(activation::relu)),
    ("", "Reshape", By(layout::reshape)),
    ("", "Round", NotDifferentiable(STEPS)),
    ("", "Shape", NotDifferentiable(SHAPE_ONLY)),
    ("", "Sigmoid", By(activation::sigmoid)),
    ("", "Sign", NotDifferentiable(STEPS)),
    ("", "Size", NotDifferentiable(SHAPE_ONLY)),
    ("", "Slice", By(slice::slice)),
    ("", "Softmax", By(softmax::softmax)),
    ("", "Softplus", By(activation::softplus)),
    ("", "Split", By(concat::split)),
    ("", "Sqrt", By(power::sqrt)),
    ("", "Squeeze", By(layout::reshape)),
    ("", "Sub", By(arithmetic::sub)),
    ("", "Sum", By(arithmetic::sum)),
    ("", "Tanh", By(activation::tanh)),
    ("", "Tile", By(layout::tile)),
    ("", "Transpose", By(layout::transpose)),
    ("", "Unsqueeze", By(layout::reshape)),
    ("", "Where", By(cast::select)),
    ("", "Xor", NotDifferentiable(INTEGERS)),
    (MICROSOFT, "BiasGelu", By(gelu::bias_gelu)),
    (MICROSOFT, "FastGelu", By(gelu::fast_gelu)),
    (MICROSOFT, "FusedMatMul", By(matmul::fused_mat_mul)),
    (MICROSOFT, "Gelu", By(gelu::bias_gelu)),
    (MICROSOFT, "QuickGelu", By(gelu::quick_gelu)),
    (MICROSOFT, "SkipLayerNormalization", By(layer_norm::skip_layer_normalization)),
];

/// The outcome for a node's operator.
pub(crate) fn outcome(node: &NodeProto) -> Option<Outcome> {
    let domain = if node.domain() == "ai.onnx" { "" } else { node.domain() };
    let entry = TABLE.iter().find(|(of, name, _)| *of == domain && *name == node.op_type());
    entry.map(|(_, _, outcome)| *outcome).or_else(|| own_operators::rule_of_own(node).map(By))
}

/// Lists the operators that have a rule, those of ONNX Runtime's own domain with it: `Add`,
/// `com.microsoft.FusedMatMul`.
pub fn differentiable_operators() -> Vec<String> {
    let has_rule = TABLE.iter().filter(|(_, _, outcome)| matches!(outcome, By(_)));
    has_rule.map(|(domain, name, _)| qualified(domain, name)).collect()
}

/// Lists the operators that no gradient passes, with the reason.
pub fn not_differentiable_operators() -> Vec<(String, &'static str)> {
    let reasons = TABLE.iter().filter_map(|(domain, name, outcome)| match outcome {
        NotDifferentiable(reason) => Some((qualified(domain, name), *reason)),
        By(_) => None,
    });
    reasons.collect()
}

/// An operator's name with its domain, which is left out where it is ONNX's own.
pub(crate) fn qualified(domain: &str, op_type: &str) -> String {
    if domain.is_empty() || domain == "ai.onnx" { op_type.to_owned() } else { format!("{domain}.{op_type}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_every_operator_once() {
        let names: Vec<_> = TABLE.iter().map(|(domain, name, _)| (*domain, *name)).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
