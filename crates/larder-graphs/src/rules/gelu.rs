//! `Gelu` (operator set 20) and com.microsoft `Gelu`, `BiasGelu`, `FastGelu`, `QuickGelu`.
//!
//! Sources: Hendrycks and Gimpel, 2016, <https://arxiv.org/abs/1606.08415>;
//! <https://onnx.ai/onnx/operators/onnx__Gelu.html>;
//! <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.BiasGelu>.
//!
//! Nothing but the input is kept for the backward pass: the kernels compute Y in one pass, and a tensor saved is as large
//! as the widest activation of a layer.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;

/// The cubic term of the approximation with tanh.
const CUBIC: f64 = 0.044715;

/// ONNX's operator: with the error function, or with tanh if `approximate` says so.
pub(crate) fn gelu(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let gradient = match v.text_attribute("approximate").as_deref() {
        None | Some("none") => with_erf(v, &grad, &x),
        Some("tanh") => with_tanh(v, &grad, &x),
        Some(other) => return Err(v.unsupported(&format!("approximate is {other:?}"), "none, tanh")),
    };
    v.set_input_grad(0, gradient)
}

/// `Y = gelu(X + b)`, with the error function; `b` is optional.
pub(crate) fn bias_gelu(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    biased(v, with_erf)
}

/// `Y = gelu(X + b)`, with tanh; `b` is optional.
pub(crate) fn fast_gelu(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    biased(v, with_tanh)
}

fn biased(v: &mut Vjp<'_, '_>, gelu: fn(&mut Vjp<'_, '_>, &Operand, &Operand) -> Operand) -> Result<(), GraphsError> {
    let (grad, mut x) = (v.grad()?, v.input(0)?);
    if v.has_input(1) {
        x = v.e.add(&x, &v.input(1)?);
    }
    let gradient = gelu(v, &grad, &x);
    for index in [0, 1] {
        if v.needs_input_grad(index) {
            v.set_unbroadcast(index, &gradient)?;
        }
    }
    Ok(())
}

/// `Y = X σ(α X)`: `dX = dY (s + α Y (1 - s))` with `s = σ(α X)`.
pub(crate) fn quick_gelu(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let alpha = f64::from(v.float_attribute("alpha", 1.702));
    let (grad, x, y) = (v.grad()?, v.input(0)?, v.output(0)?);
    let scaled = v.e.scale(&x, alpha);
    let gate = v.e.unary("Sigmoid", &scaled);
    let one = v.e.scalar(&x, 1.0);
    let rest = v.e.sub(&one, &gate);
    let product = v.e.mul(&y, &rest);
    let product = v.e.scale(&product, alpha);
    let slope = v.e.add(&gate, &product);
    let gradient = v.e.mul(&grad, &slope);
    v.set_input_grad(0, gradient)
}

/// `Y = X Φ(X)`: `dX = dY (Φ(X) + X φ(X))`. With `w = X / √2` that is `dY / 2 · (1 + erf w + w exp(ln(2/√π) - w²))`.
fn with_erf(v: &mut Vjp<'_, '_>, grad: &Operand, x: &Operand) -> Operand {
    let e = &mut *v.e;
    let w = e.scale(x, FRAC_1_SQRT_2);
    let erf = e.unary("Erf", &w);
    let square = e.mul(&w, &w);
    let constant = e.scalar(x, FRAC_2_SQRT_PI.ln());
    let exponent = e.sub(&constant, &square);
    let bell = e.unary("Exp", &exponent);
    let bell = e.mul(&w, &bell);
    let slope = e.add(&erf, &bell);
    let one = e.scalar(x, 1.0);
    let slope = e.add(&slope, &one);
    let slope = e.scale(&slope, 0.5);
    e.mul(grad, &slope)
}

/// `Y = X s` with `s = σ(z)`, `z = 2 √(2/π) (X + 0.044715 X³)`, which is the form with tanh: with `c = 2 √(2/π)`,
/// `dX = dY s (1 + X z' (1 - s))` and `X z' = 3 z - 2 c X`.
fn with_tanh(v: &mut Vjp<'_, '_>, grad: &Operand, x: &Operand) -> Operand {
    let e = &mut *v.e;
    let c = 2.0 * (2.0 / PI).sqrt();
    let square = e.mul(x, x);
    let cubic = e.scale(&square, c * CUBIC);
    let linear = e.scalar(x, c);
    let inner = e.add(&cubic, &linear);
    let z = e.mul(&inner, x);
    let gate = e.unary("Sigmoid", &z);
    let tripled = e.scale(&z, 3.0);
    let straight = e.scale(x, 2.0 * c);
    let steep = e.sub(&tripled, &straight);
    let one = e.scalar(x, 1.0);
    let rest = e.sub(&one, &gate);
    let slope = e.mul(&steep, &rest);
    let slope = e.add(&slope, &one);
    let slope = e.mul(&slope, &gate);
    e.mul(grad, &slope)
}
