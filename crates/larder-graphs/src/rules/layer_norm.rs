//! `LayerNormalization` and com.microsoft `SkipLayerNormalization`.
//!
//! Sources: Ba et al., 2016, <https://arxiv.org/abs/1607.06450>;
//! <https://onnx.ai/onnx/operators/onnx__LayerNormalization.html>;
//! <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.SkipLayerNormalization>.

use larder_onnx::attribute;
use larder_onnx::facts::Dim;
use larder_onnx::proto::tensor_proto::DataType;

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;
use crate::shape::{as_i64, product};

/// `Y = x̂ γ + β` with `x̂ = (X - mean) / √(variance + ε)` over the last axes, `h` elements together; `X` is `[.., h]`,
/// `γ` and `β` are `[h]`. The forward node gives away its mean and inverse deviation, `[.., 1]`, and nothing is computed
/// again:
///
/// `dβ = Σ dY`, `dγ = Σ dY x̂` over the rows; `dX = (dY γ - x̂ s₂ - s₁) / deviation`, where `s₁ = dY · γ / h` and
/// `s₂ = (dY x̂) · γ / h` are products of a matrix and a vector.
pub(crate) fn layer_normalization(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let axis = v.axis(-1, x.rank())?;
    let mut statistics = x.shape.to_vec();
    statistics[axis..].fill(Dim::fixed(1));
    let mean = v.extra_output(1, DataType::Float, &statistics)?;
    let inverse = v.extra_output(2, DataType::Float, &statistics)?;
    let scale = v.input(1)?;
    let saved = Saved { x, mean, inverse, scale, axis };
    let [to_x, to_scale, to_bias] = [0, 1, 2].map(|index| v.needs_input_grad(index));
    if let Some(gradient) = to_bias.then(|| bias_gradient(v, &saved, &grad)) {
        v.set_input_grad(2, gradient)?;
    }
    let (grad_x, grad_scale) = gradients(v, &saved, &grad, to_x, to_scale)?;
    if let Some(gradient) = grad_x {
        v.set_input_grad(0, gradient)?;
    }
    if let Some(gradient) = grad_scale {
        v.set_input_grad(1, gradient)?;
    }
    Ok(())
}

/// `Y = LayerNormalization(input + skip + bias)`. The stock kernels do not give away mean and deviation, so the backward
/// pass takes them again from the sum, which they do give.
pub(crate) fn skip_layer_normalization(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    v.needs_opset(17)?;
    let first = v.input(0)?;
    let sum = v.extra_output(3, first.dtype, &first.shape)?;
    let axis = first.rank() - 1;
    let epsilon = v.float_attribute("epsilon", 1e-12);
    let scale = v.input(2)?;
    let mut statistics = first.shape.to_vec();
    statistics[axis] = Dim::fixed(1);
    let attributes = vec![attribute::int("axis", -1), attribute::float("epsilon", epsilon)];
    let shapes = [first.shape.to_vec(), statistics.clone(), statistics];
    let made = v.e.node_with("", "LayerNormalization", &[&sum, &scale], attributes, DataType::Float, &shapes);
    let [_, mean, inverse] = made.as_slice() else {
        return Err(v.unsupported("it has no statistics", "three outputs"));
    };
    let saved = Saved { x: sum, mean: mean.clone(), inverse: inverse.clone(), scale, axis };

    let grad = match (v.grad_of(0), v.grad_of(3)) {
        (Some(grad), _) => grad,
        (None, _) => return Err(v.unsupported("the loss depends on its sum alone", "the first output")),
    };
    if v.needs_input_grad(3) {
        let gradient = bias_gradient(v, &saved, &grad);
        v.set_input_grad(3, gradient)?;
    }
    let to_sum = [0, 1, 4].iter().any(|&index| v.needs_input_grad(index));
    let to_scale = v.needs_input_grad(2);
    let (grad_sum, grad_scale) = gradients(v, &saved, &grad, to_sum, to_scale)?;
    if let Some(gradient) = grad_scale {
        v.set_input_grad(2, gradient)?;
    }
    if let Some(mut gradient) = grad_sum {
        if let Some(other) = v.grad_of(3) {
            gradient = v.e.add(&gradient, &other);
        }
        for index in [0, 1, 4] {
            if v.needs_input_grad(index) {
                v.set_unbroadcast(index, &gradient)?;
            }
        }
    }
    Ok(())
}

/// The values of the forward pass that the gradient needs.
struct Saved {
    /// `[.., h]`.
    x: Operand,
    /// `[.., 1]`.
    mean: Operand,
    /// One over the deviation, `[.., 1]`.
    inverse: Operand,
    /// `γ`.
    scale: Operand,
    /// The first of the axes that are normalised.
    axis: usize,
}

fn bias_gradient(v: &mut Vjp<'_, '_>, saved: &Saved, grad: &Operand) -> Operand {
    let scale = saved.scale.clone();
    let sum = v.e.sum_to(grad, &saved.x.shape[saved.axis..]);
    v.e.sum_to(&sum, &scale.shape)
}

/// Gradients of `x` and `γ`, as far as they are wanted.
fn gradients(
    v: &mut Vjp<'_, '_>,
    saved: &Saved,
    grad: &Operand,
    to_x: bool,
    to_scale: bool,
) -> Result<(Option<Operand>, Option<Operand>), GraphsError> {
    let Saved { x, scale, axis, .. } = saved;
    let mean = v.e.cast(&saved.mean, x.dtype);
    let inverse = v.e.cast(&saved.inverse, x.dtype);
    let centred = v.e.sub(x, &mean);
    let normalised = v.e.mul(&centred, &inverse);
    let weighted = v.e.mul(grad, &normalised);
    let grad_scale = to_scale.then(|| {
        let sum = v.e.sum_to(&weighted, &x.shape[*axis..]);
        v.e.sum_to(&sum, &scale.shape)
    });
    if !to_x {
        return Ok((None, grad_scale));
    }
    let size = product(&x.shape[*axis..]).and_then(Dim::as_fixed);
    let size = size.ok_or_else(|| v.unsupported("it normalises open axes", "axes of fixed size"))?;
    let share = v.e.scale(scale, 1.0 / size as f64);
    let whole_row = scale.rank() == 1 && axis + 1 == x.rank() && scale.shape[0] == x.shape[*axis];
    let (first, second) = if whole_row {
        let column = v.e.unsqueeze(&share, &[1]);
        (v.e.product(grad, false, &column, false, 1.0), v.e.product(&weighted, false, &column, false, 1.0))
    } else {
        let axes: Vec<i64> = (*axis..x.rank()).map(as_i64).collect();
        let mut mean = |x: &Operand| {
            let product = v.e.mul(x, &share);
            v.e.reduce_sum(&product, &axes, true)
        };
        (mean(grad), mean(&weighted))
    };
    let scaled = v.e.mul(grad, scale);
    let along = v.e.mul(&normalised, &second);
    let rest = v.e.sub(&scaled, &along);
    let rest = v.e.sub(&rest, &first);
    Ok((Some(v.e.mul(&rest, &inverse)), grad_scale))
}
