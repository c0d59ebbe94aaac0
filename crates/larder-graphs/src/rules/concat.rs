//! `Concat` and `Split`: tensors one after another along an axis, and the other way round.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Concat.html>, <https://onnx.ai/onnx/operators/onnx__Split.html>.

use larder_onnx::attribute;
use larder_onnx::facts::Dim;

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;
use crate::shape::as_i64;

/// `Y = [X₁, X₂, ..]` along an axis: `dXᵢ` is its piece of `dY`.
pub(crate) fn concat(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let axis = v.axis(0, grad.rank())?;
    let parts = (0..v.node.input.len()).map(|index| v.input(index)).collect::<Result<Vec<_>, _>>()?;
    let sizes: Option<Vec<i64>> = parts.iter().map(|part| part.shape[axis].as_fixed().map(as_i64)).collect();
    if let [_] = parts.as_slice() {
        return v.set_input_grad(0, grad);
    }
    if let Some(sizes) = sizes {
        let sizes = v.e.integers(&sizes);
        let shapes: Vec<Vec<Dim>> = parts.iter().map(|part| part.shape.to_vec()).collect();
        let along = vec![attribute::int("axis", as_i64(axis))];
        let pieces = v.e.node_with("", "Split", &[&grad, &sizes], along, grad.dtype, &shapes);
        for (index, piece) in pieces.into_iter().enumerate() {
            if v.needs_input_grad(index) {
                v.set_input_grad(index, piece)?;
            }
        }
        return Ok(());
    }
    let mut start = v.e.integers(&[0]);
    for (index, part) in parts.iter().enumerate() {
        let size = v.e.size_along(part, axis);
        let end = v.e.add(&start, &size);
        if v.needs_input_grad(index) {
            let axis = v.e.integers(&[as_i64(axis)]);
            let piece = v.e.node("Slice", &[&grad, &start, &end, &axis], vec![], grad.dtype, &part.shape);
            v.set_input_grad(index, piece)?;
        }
        start = end;
    }
    Ok(())
}

/// `[Y₁, Y₂, ..] = X` along an axis: `dX` is the gradients one after another, zeros where the loss does not depend on a
/// piece.
pub(crate) fn split(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let x = v.input(0)?;
    let axis = v.axis(0, x.rank())?;
    let mut pieces = Vec::new();
    for index in 0..v.node.output.len() {
        pieces.push(match v.grad_of(index) {
            Some(grad) => grad,
            None => {
                let piece = v.output(index)?;
                v.e.zeros_like(&piece)
            }
        });
    }
    let pieces: Vec<&Operand> = pieces.iter().collect();
    let along = vec![attribute::int("axis", as_i64(axis))];
    let gradient = v.e.node("Concat", &pieces, along, x.dtype, &x.shape);
    v.set_input_grad(0, gradient)
}
