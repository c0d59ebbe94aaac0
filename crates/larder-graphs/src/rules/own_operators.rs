//! Gradients by larder's own operators, each in one pass over what it reads ([`larder_kernels::operators`]): the same formulas as
//! `gelu` and `layer_norm`. They give the sums of columns besides, which are the gradients of biases added before.

use larder_kernels::Activation;
use larder_kernels::operators::{ACTIVATION, ACTIVATION_GRADIENT, DOMAIN, LAYER_NORMALIZATION_GRADIENT};
use larder_onnx::attribute;
use larder_onnx::proto::NodeProto;
use larder_onnx::proto::tensor_proto::DataType;

use crate::GraphsError;
use crate::emit::MICROSOFT;
use crate::rule::{Rule, Vjp};
use crate::rules::{gelu, layer_norm};

/// The rule that makes an operator of larder's, for a node that has one.
pub(crate) fn own_rule(node: &NodeProto) -> Option<Rule> {
    match (node.domain(), node.op_type()) {
        ("" | "ai.onnx", "Gelu") => Some(activation_gradient),
        (MICROSOFT, "Gelu") if node.input.len() == 1 => Some(activation_gradient),
        ("" | "ai.onnx", "LayerNormalization") => Some(layer_normalization_gradient),
        _ => None,
    }
}

fn activation_gradient(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let activation = match v.text_attribute("approximate").as_deref() {
        None | Some("none") => Activation::GeluErf,
        Some("tanh") => Activation::GeluTanh,
        Some(_) => return gelu::gelu(v),
    };
    let Some(&columns) = x.shape.last().filter(|_| x.dtype == DataType::Float) else { return gelu::gelu(v) };
    let attributes = vec![attribute::string(ACTIVATION, activation.name())];
    let shapes = [x.shape.to_vec(), vec![columns]];
    let made = v.e.node_with(DOMAIN, ACTIVATION_GRADIENT, &[&grad, &x], attributes, DataType::Float, &shapes);
    let [gradient, sums] = made.as_slice() else { return gelu::gelu(v) };
    v.e.set_column_sums(gradient, sums.clone());
    v.set_input_grad(0, gradient.clone())
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
