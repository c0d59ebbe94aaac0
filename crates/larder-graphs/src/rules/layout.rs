//! `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`, `Transpose`, `Expand`, `Tile`: the same elements in another arrangement.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Reshape.html> and the pages beside it.

use larder_onnx::facts::Dim;
use larder_onnx::proto::AttributeProto;

use crate::GraphsError;
use crate::rule::Vjp;
use crate::shape::{as_i64, axis_of, quotient};

/// The elements of X in another shape, as `Reshape`, `Flatten`, `Squeeze` and `Unsqueeze` give them: `dX` is `dY` in the
/// shape of X. The shape is a constant where one axis at most is open after it.
pub(crate) fn reshape(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let gradient = v.e.reshape_like(&grad, &x);
    v.set_input_grad(0, gradient)
}

/// The axes of X in the order `perm`: `dX` is `dY` in the inverse order.
pub(crate) fn transpose(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let order: Vec<usize> = match v.node.find_attribute("perm") {
        Some(AttributeProto { ints, .. }) => ints.iter().filter_map(|&axis| axis_of(axis, x.rank())).collect(),
        None => (0..x.rank()).rev().collect(),
    };
    let inverse: Vec<usize> = (0..x.rank()).filter_map(|axis| order.iter().position(|&place| place == axis)).collect();
    if inverse.len() != x.rank() || order.len() != x.rank() {
        return Err(v.unsupported(&format!("its order {order:?} is none of {} axes", x.rank()), "a permutation"));
    }
    let gradient = v.e.transpose(&grad, &inverse);
    v.set_input_grad(0, gradient)
}

/// X repeated to a larger shape: `dX = dY`, summed over the axes that X was repeated along.
pub(crate) fn expand(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    v.set_unbroadcast(0, &grad)
}

/// X side by side with itself so many times along each axis: `dX` is the sum of the pieces of `dY`.
pub(crate) fn tile(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    let supported = "repetitions whose number follows from the shapes";
    let (mut split, mut sums) = (Vec::new(), Vec::new());
    for (whole, piece) in grad.shape.iter().zip(x.shape.iter()) {
        let times = quotient(whole, piece).ok_or_else(|| v.unsupported("an axis is no multiple of X's", supported))?;
        if times != Dim::fixed(1) {
            sums.push(as_i64(split.len()));
            split.push(times);
        }
        split.push(*piece);
    }
    let pieces = v.e.reshape_to(&grad, &split);
    let pieces = pieces.ok_or_else(|| v.unsupported("several axes are open", supported))?;
    let gradient = if sums.is_empty() { pieces } else { v.e.reduce_sum(&pieces, &sums, false) };
    v.set_input_grad(0, gradient)
}
