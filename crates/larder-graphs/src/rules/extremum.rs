//! `Min`, `Max`, `Clip`: the smallest, the largest, the bounded.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Max.html>, <https://onnx.ai/onnx/operators/onnx__Clip.html>.

use crate::GraphsError;
use crate::rule::Vjp;

/// `Y = max Xᵢ` (or `min`) over any number of inputs, broadcast: `dXᵢ = dY [Xᵢ = Y] / n`, where `n` inputs are equal to Y.
/// Ties share the gradient evenly, as in PyTorch.
pub(crate) fn extremum(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, y) = (v.grad()?, v.output(0)?);
    let mut hits = Vec::new();
    for index in 0..v.node.input.len() {
        let is_hit = v.e.equal(&v.input(index)?, &y);
        hits.push(v.e.cast(&is_hit, y.dtype));
    }
    let count = v.e.sum_all(&hits);
    let share = v.e.div(&grad, &count);
    for (index, hit) in hits.iter().enumerate() {
        if v.needs_input_grad(index) {
            let gradient = v.e.mul(&share, hit);
            v.set_unbroadcast(index, &gradient)?;
        }
    }
    Ok(())
}

/// `Y = min(max(X, low), high)`: `dX = dY` where X lies in the bounds, which are part of it, else 0, as in PyTorch;
/// `dlow = Σ dY [X < low]`, `dhigh = Σ dY [X > high]`, of a scalar each. X lies in the bounds exactly where `Y = X`.
pub(crate) fn clip(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let zero = v.e.scalar(&grad, 0.0);
    if v.needs_input_grad(0) {
        let inside = v.e.equal(&v.output(0)?, &x);
        let gradient = v.e.select(&inside, &grad, &zero);
        v.set_input_grad(0, gradient)?;
    }
    for (index, beyond) in [(1, "Less"), (2, "Greater")] {
        if v.needs_input_grad(index) {
            let outside = v.e.compare(beyond, &x, &v.input(index)?);
            let gradient = v.e.select(&outside, &grad, &zero);
            v.set_unbroadcast(index, &gradient)?;
        }
    }
    Ok(())
}
