//! `Add`, `Sub`, `Mul`, `Div`, `Neg`, `Sum`, `Mean`: element-wise arithmetic with broadcasting.
//!
//! Both inputs broadcast to the shape of the output (<https://onnx.ai/onnx/repo-docs/Broadcasting.html>); the gradient of an
//! input is summed over the axes that it was repeated along. Where nothing was repeated, `Add` passes the gradient on
//! without a node. Sources: <https://onnx.ai/onnx/operators/onnx__Add.html> and the pages beside it.

use crate::GraphsError;
use crate::rule::Vjp;

/// `Y = A + B`: `dA = dY`, `dB = dY`.
pub(crate) fn add(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    for index in (0..2).filter(|&index| v.needs_input_grad(index)).collect::<Vec<_>>() {
        v.set_unbroadcast(index, &grad)?;
    }
    Ok(())
}

/// `Y = A - B`: `dA = dY`, `dB = -dY`, negated after the sum, where there is less to negate.
pub(crate) fn sub(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    if v.needs_input_grad(0) {
        v.set_unbroadcast(0, &grad)?;
    }
    if v.needs_input_grad(1) {
        let shape = v.input(1)?.shape;
        let sum = v.e.sum_to(&grad, &shape);
        let negated = v.e.unary("Neg", &sum);
        v.set_input_grad(1, negated)?;
    }
    Ok(())
}

/// `Y = A B`: `dA = dY B`, `dB = dY A`.
pub(crate) fn mul(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    for (index, other) in [(0, 1), (1, 0)] {
        if v.needs_input_grad(index) {
            let other = v.input(other)?;
            let product = v.e.mul(&grad, &other);
            v.set_unbroadcast(index, &product)?;
        }
    }
    Ok(())
}

/// `Y = A / B`: `dA = dY / B`, `dB = -(dY / B) Y`. Not defined for `B = 0`, where the runtime says infinity or NaN.
pub(crate) fn div(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let quotient = v.e.div(&grad, &v.input(1)?);
    if v.needs_input_grad(0) {
        v.set_unbroadcast(0, &quotient)?;
    }
    if v.needs_input_grad(1) {
        let product = v.e.mul(&quotient, &v.output(0)?);
        let shape = v.input(1)?.shape;
        let sum = v.e.sum_to(&product, &shape);
        let negated = v.e.unary("Neg", &sum);
        v.set_input_grad(1, negated)?;
    }
    Ok(())
}

/// `Y = -X`: `dX = -dY`.
pub(crate) fn neg(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let negated = v.e.unary("Neg", &grad);
    v.set_input_grad(0, negated)
}

/// `Y = Σ Xᵢ` over any number of inputs: `dXᵢ = dY`.
pub(crate) fn sum(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    for index in 0..v.node.input.len() {
        if v.needs_input_grad(index) {
            v.set_unbroadcast(index, &grad)?;
        }
    }
    Ok(())
}

/// `Y = Σ Xᵢ / n` over `n` inputs: `dXᵢ = dY / n`.
pub(crate) fn mean(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let count = v.node.input.len();
    let grad = v.e.scale(&grad, 1.0 / count as f64);
    for index in 0..count {
        if v.needs_input_grad(index) {
            v.set_unbroadcast(index, &grad)?;
        }
    }
    Ok(())
}
