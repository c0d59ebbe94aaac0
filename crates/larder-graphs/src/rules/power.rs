//! `Pow`, `Sqrt`, `Reciprocal`, `Exp`, `Log`: powers and their inverses, element by element.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Pow.html> and the pages beside it.

use crate::GraphsError;
use crate::rule::Vjp;

/// `Y = Xᵖ`, broadcast: `dX = dY p Xᵖ⁻¹`, `dp = dY Y ln X`.
///
/// Constant exponents 1, 2 and 3 need no power. Where `X ≤ 0`, the gradient of a float exponent is taken as 0: the limit
/// at 0 for positive exponents, as PyTorch has it; below 0 the power is defined at whole exponents only. An integer
/// exponent has no gradient.
pub(crate) fn pow(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let (x, exponent) = (v.input(0)?, v.input(1)?);
    if v.needs_input_grad(0) {
        let gradient = match v.e.constant_float(&exponent) {
            Some(1.0) => grad.clone(),
            Some(2.0) => {
                let product = v.e.mul(&grad, &x);
                v.e.scale(&product, 2.0)
            }
            Some(3.0) => {
                let square = v.e.mul(&x, &x);
                let product = v.e.mul(&grad, &square);
                v.e.scale(&product, 3.0)
            }
            Some(p) => {
                let less = v.e.scalar(&x, p - 1.0);
                let power = v.e.binary("Pow", &x, &less);
                let product = v.e.mul(&grad, &power);
                v.e.scale(&product, p)
            }
            None => {
                let exponent = v.e.cast(&exponent, x.dtype);
                let one = v.e.scalar(&x, 1.0);
                let less = v.e.sub(&exponent, &one);
                let power = v.e.binary("Pow", &x, &less);
                let slope = v.e.mul(&exponent, &power);
                v.e.mul(&grad, &slope)
            }
        };
        v.set_unbroadcast(0, &gradient)?;
    }
    if v.needs_input_grad(1) {
        let zero = v.e.scalar(&x, 0.0);
        let one = v.e.scalar(&x, 1.0);
        let positive = v.e.compare("Greater", &x, &zero);
        let base = v.e.select(&positive, &x, &one);
        let log = v.e.unary("Log", &base);
        let slope = v.e.mul(&v.output(0)?, &log);
        let gradient = v.e.mul(&grad, &slope);
        let gradient = v.e.cast(&gradient, exponent.dtype);
        v.set_unbroadcast(1, &gradient)?;
    }
    Ok(())
}

/// `Y = √X`: `dX = dY / 2Y`; infinite at 0.
pub(crate) fn sqrt(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let half = v.e.scale(&grad, 0.5);
    let gradient = v.e.div(&half, &v.output(0)?);
    v.set_input_grad(0, gradient)
}

/// `Y = 1 / X`: `dX = -dY Y²`.
pub(crate) fn reciprocal(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, y) = (v.grad()?, v.output(0)?);
    let square = v.e.mul(&y, &y);
    let product = v.e.mul(&grad, &square);
    let gradient = v.e.unary("Neg", &product);
    v.set_input_grad(0, gradient)
}

/// `Y = eˣ`: `dX = dY Y`.
pub(crate) fn exp(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let gradient = v.e.mul(&grad, &v.output(0)?);
    v.set_input_grad(0, gradient)
}

/// `Y = ln X`: `dX = dY / X`.
pub(crate) fn log(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let gradient = v.e.div(&grad, &v.input(0)?);
    v.set_input_grad(0, gradient)
}
