//! `Erf`, `Tanh`, `Sigmoid`, `Relu`, `Softplus`, `Abs`: element-wise functions of one tensor.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Erf.html> and the pages beside it.

use std::f64::consts::FRAC_2_SQRT_PI;

use crate::GraphsError;
use crate::rule::Vjp;

/// `Y = erf X`: `dX = dY · 2/√π · exp(-X²)`, the constant inside the exponential.
pub(crate) fn erf(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let square = v.e.mul(&x, &x);
    let constant = v.e.scalar(&x, FRAC_2_SQRT_PI.ln());
    let exponent = v.e.sub(&constant, &square);
    let slope = v.e.unary("Exp", &exponent);
    let gradient = v.e.mul(&grad, &slope);
    v.set_input_grad(0, gradient)
}

/// `Y = tanh X`: `dX = dY (1 - Y²)`.
pub(crate) fn tanh(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, y) = (v.grad()?, v.output(0)?);
    let square = v.e.mul(&y, &y);
    let one = v.e.scalar(&y, 1.0);
    let slope = v.e.sub(&one, &square);
    let gradient = v.e.mul(&grad, &slope);
    v.set_input_grad(0, gradient)
}

/// `Y = 1 / (1 + e⁻ˣ)`: `dX = dY Y (1 - Y)`.
pub(crate) fn sigmoid(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, y) = (v.grad()?, v.output(0)?);
    let one = v.e.scalar(&y, 1.0);
    let rest = v.e.sub(&one, &y);
    let slope = v.e.mul(&y, &rest);
    let gradient = v.e.mul(&grad, &slope);
    v.set_input_grad(0, gradient)
}

/// `Y = max(X, 0)`: `dX = dY` where `Y > 0`, else 0; 0 also at the kink, as PyTorch has it.
pub(crate) fn relu(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, y) = (v.grad()?, v.output(0)?);
    let zero = v.e.scalar(&y, 0.0);
    let positive = v.e.compare("Greater", &y, &zero);
    let gradient = v.e.select(&positive, &grad, &zero);
    v.set_input_grad(0, gradient)
}

/// `Y = ln(1 + eˣ)`: `dX = dY / (1 + e⁻ˣ)`.
pub(crate) fn softplus(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let slope = v.e.unary("Sigmoid", &x);
    let gradient = v.e.mul(&grad, &slope);
    v.set_input_grad(0, gradient)
}

/// `Y = |X|`: `dX = dY sign X`; 0 at the kink.
pub(crate) fn abs(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let sign = v.e.unary("Sign", &x);
    let gradient = v.e.mul(&grad, &sign);
    v.set_input_grad(0, gradient)
}
