//! `Identity`, `Cast` and `Where`: tensors passed on, converted or chosen from.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Cast.html>, <https://onnx.ai/onnx/operators/onnx__Where.html>.

use crate::GraphsError;
use crate::rule::Vjp;

/// `Y = X`: `dX = dY`, without a node.
pub(crate) fn identity(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    v.set_input_grad(0, grad)
}

/// `Y = X` in another float type: `dX = dY` in the type of X. What an integer type made of X carries no gradient, and never
/// gets here.
pub(crate) fn cast(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let dtype = v.input(0)?.dtype;
    let grad = v.grad()?;
    let gradient = v.e.cast(&grad, dtype);
    v.set_input_grad(0, gradient)
}

/// `Y = A where C, else B`, broadcast: `dA = dY where C, else 0`, `dB = 0 where C, else dY`.
pub(crate) fn select(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, condition) = (v.grad()?, v.input(0)?);
    let zero = v.e.scalar(&grad, 0.0);
    if v.needs_input_grad(1) {
        let kept = v.e.select(&condition, &grad, &zero);
        v.set_unbroadcast(1, &kept)?;
    }
    if v.needs_input_grad(2) {
        let kept = v.e.select(&condition, &zero, &grad);
        v.set_unbroadcast(2, &kept)?;
    }
    Ok(())
}
