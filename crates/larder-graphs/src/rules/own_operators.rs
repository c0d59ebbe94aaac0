//! Gradients by larder's own operators, each in one pass over what it reads ([`larder_kernels::operators`]). Those of activations and
//! normalisations are the formulas of `gelu` and `layer_norm`, and give the sums of columns besides, which are the gradients of
//! biases added before.

use larder_kernels::Activation;
use larder_kernels::operators::{
    ACTIVATION, ACTIVATION_GRADIENT, ATTENTION, ATTENTION_GRADIENT, DOMAIN, LAYER_NORMALIZATION_GRADIENT,
};
use larder_onnx::attribute;
use larder_onnx::proto::NodeProto;
use larder_onnx::proto::tensor_proto::DataType;

use crate::GraphsError;
use crate::emit::MICROSOFT;
use crate::rule::{Rule, Vjp};
use crate::rules::{gelu, layer_norm};

/// The rule of a node of larder's.
pub(crate) fn rule_of_own(node: &NodeProto) -> Option<Rule> {
    (node.domain() == DOMAIN && node.op_type() == ATTENTION).then_some(attention_gradient)
}

/// The rule that makes an operator of larder's, for a node of the runtime's that has one.
pub(crate) fn own_rule(node: &NodeProto) -> Option<Rule> {
    match (node.domain(), node.op_type()) {
        ("" | "ai.onnx", "Gelu") => Some(activation_gradient),
        (MICROSOFT, "FastGelu" | "Gelu") if node.input.len() == 1 => Some(activation_gradient),
        ("" | "ai.onnx", "LayerNormalization") => Some(layer_normalization_gradient),
        _ => None,
    }
}

fn activation_gradient(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let activation = match (v.node.op_type(), v.text_attribute("approximate").as_deref()) {
        ("FastGelu", _) | (_, Some("tanh")) => Activation::GeluTanh,
        (_, None | Some("none")) => Activation::GeluErf,
        _ => return by_the_runtime(v),
    };
    let Some(&columns) = x.shape.last().filter(|_| x.dtype == DataType::Float) else { return by_the_runtime(v) };
    let attributes = vec![attribute::string(ACTIVATION, activation.name())];
    let shapes = [x.shape.to_vec(), vec![columns]];
    let made = v.e.node_with(DOMAIN, ACTIVATION_GRADIENT, &[&grad, &x], attributes, DataType::Float, &shapes);
    let [gradient, sums] = made.as_slice() else { return by_the_runtime(v) };
    v.e.set_column_sums(gradient, sums.clone());
    v.set_input_grad(0, gradient.clone())
}

fn by_the_runtime(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    match v.node.op_type() {
        "FastGelu" => gelu::fast_gelu(v),
        _ if v.node.domain() == MICROSOFT => gelu::bias_gelu(v),
        _ => gelu::gelu(v),
    }
}

/// Differentiates attention whose queries, keys and values are apart, as [`larder_onnx::Model::with_own_attention`] writes it.
fn attention_gradient(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let mut inputs = vec![v.grad()?];
    for index in (0..v.node.input.len()).filter(|&index| v.has_input(index)) {
        inputs.push(v.input(index)?);
    }
    const APART: [usize; 3] = [0, 2, 3];
    let shapes = APART.map(|index| v.input(index).map(|input| input.shape.to_vec()));
    let shapes = shapes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (attributes, inputs) = (v.node.attribute.clone(), inputs.iter().collect::<Vec<_>>());
    let made = v.e.node_with(DOMAIN, ATTENTION_GRADIENT, &inputs, attributes, DataType::Float, &shapes);
    for (index, gradient) in APART.into_iter().zip(made) {
        if v.needs_input_grad(index) {
            v.set_input_grad(index, gradient)?;
        }
    }
    Ok(())
}

/// Over the last axis; over several, by the operators of `layer_norm`.
fn layer_normalization_gradient(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x, scale) = (v.grad()?, v.input(0)?, v.input(1)?);
    let axis = v.axis(-1, x.rank())?;
    let is_float = [&grad, &x, &scale].iter().all(|operand| operand.dtype == DataType::Float);
    if !is_float || axis + 1 != x.rank() || scale.shape[..] != x.shape[axis..] {
        return layer_norm::layer_normalization(v);
    }
    let attributes = vec![attribute::float("epsilon", v.float_attribute("epsilon", 1e-5))];
    let sums = scale.shape.to_vec();
    let shapes = [x.shape.to_vec(), sums.clone(), sums.clone(), sums];
    let inputs = [&grad, &x, &scale];
    let made = v.e.node_with(DOMAIN, LAYER_NORMALIZATION_GRADIENT, &inputs, attributes, DataType::Float, &shapes);
    if let [gradient, .., sums] = made.as_slice() {
        v.e.set_column_sums(gradient, sums.clone());
    }
    for (index, gradient) in made.into_iter().take(3).enumerate() {
        if v.needs_input_grad(index) {
            v.set_input_grad(index, gradient)?;
        }
    }
    Ok(())
}
