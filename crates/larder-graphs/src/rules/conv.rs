//! `Conv` along one axis.
//!
//! Source: <https://onnx.ai/onnx/operators/onnx__Conv.html>.

use larder_onnx::attribute;
use larder_onnx::facts::Dim;

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;
use crate::shape::as_i64;

/// `Y[b, o, s] = Σ W[o, c, k] X[b, c, s + k - begin] + B[o]`, of `X` `[batch, channels, length]` and `W`
/// `[out, channels / group, taps]`, with zeros around `X`:
///
/// - `dX` is the transposed convolution of `dY` with `W`;
/// - `dW[.., k] = Σ dY[b, o, s] X[b, c, s + k - begin]`, a product for each tap;
/// - `dB = Σ dY` over batch and length.
pub(crate) fn conv(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x, weight) = (v.grad()?, v.input(0)?, v.input(1)?);
    let supported = "one axis, steps of 1";
    let ints = |v: &Vjp<'_, '_>, name: &str| v.node.find_attribute(name).map(|attribute| attribute.ints.clone());
    let is_plain = |values: Option<Vec<i64>>| values.is_none_or(|values| values.iter().all(|&value| value == 1));
    let (strides, dilations) = (ints(v, "strides"), ints(v, "dilations"));
    if x.rank() != 3 || !is_plain(strides) || !is_plain(dilations) {
        return Err(v.unsupported("it has more axes, or steps over some places", supported));
    }
    if !matches!(v.text_attribute("auto_pad").as_deref(), None | Some("NOTSET")) {
        return Err(v.unsupported("its zeros are worked out by the runtime", "zeros whose number `pads` says"));
    }
    let sizes: Option<Vec<usize>> = weight.shape.iter().map(|dim| dim.as_fixed()).collect();
    let group = v.node.int_attribute("group", 1).max(1);
    let Some([out, channels, taps]) = sizes.and_then(|sizes| <[usize; 3]>::try_from(sizes).ok()) else {
        return Err(v.unsupported("its weight has open axes", supported));
    };
    let pads = ints(v, "pads").unwrap_or_else(|| vec![0, 0]);
    if v.needs_input_grad(0) {
        let attributes = vec![attribute::int("group", group), attribute::ints("pads", &pads)];
        let gradient = v.e.node("ConvTranspose", &[&grad, &weight], attributes, x.dtype, &x.shape);
        v.set_input_grad(0, gradient)?;
    }
    if v.needs_input_grad(1) {
        let gradient = taps_of(v, [&grad, &x], [group as usize, out, channels, taps], &pads)?;
        let gradient = v.e.reshape_like(&gradient, &weight);
        v.set_input_grad(1, gradient)?;
    }
    if v.needs_input_grad(2) {
        let gradient = v.e.reduce_sum(&grad, &[0, 2], false);
        v.set_input_grad(2, gradient)?;
    }
    Ok(())
}

/// `dW`, `[out, channels / group, taps]`: of each group a product over batch and length, for each tap.
fn taps_of(
    v: &mut Vjp<'_, '_>,
    [grad, x]: [&Operand; 2],
    [groups, out, channels, taps]: [usize; 4],
    pads: &[i64],
) -> Result<Operand, GraphsError> {
    let mut padded = x.clone();
    if pads.iter().any(|&width| width > 0) {
        let widths = v.e.integers(&[0, 0, pads[0], 0, 0, pads[1]]);
        // No fact tells the length with the zeros, and none is asked for: what is read are pieces as long as `dY`.
        padded = v.e.node("Pad", &[x, &widths], vec![], x.dtype, &x.shape);
    }
    let (axis, length) = (v.e.integers(&[2]), v.e.size_along(grad, 2));
    let length = v.e.unsqueeze(&length, &[0]);
    let mut piece_shape = x.shape.to_vec();
    piece_shape[2] = grad.shape[2];
    // `[batch, channels, length]` as `[groups, channels of a group, batch · length]`.
    let by_group = |v: &mut Vjp<'_, '_>, x: &Operand, channels: usize| {
        let turned = v.e.transpose(x, &[1, 0, 2]);
        let rows =
            v.e.flat_rows(&turned, 1)
                .ok_or_else(|| v.unsupported("its length is no product", "any batch and length"))?;
        let shape = [Dim::fixed(groups), Dim::fixed(channels), rows.shape[1]];
        let grouped = v.e.reshape_to(&rows, &shape);
        grouped.ok_or_else(|| v.unsupported("its groups do not divide its channels", "groups of channels"))
    };
    let rows = by_group(v, grad, out / groups)?;
    let mut pieces = Vec::new();
    for tap in 0..taps {
        let start = v.e.integers(&[as_i64(tap)]);
        let end = v.e.add(&start, &length);
        let piece = v.e.node("Slice", &[&padded, &start, &end, &axis], vec![], x.dtype, &piece_shape);
        let piece = by_group(v, &piece, channels)?;
        let sums = v.e.product(&rows, false, &piece, true, 1.0);
        pieces.push(v.e.unsqueeze(&sums, &[3]));
    }
    let mut shape = pieces[0].shape.to_vec();
    shape[3] = Dim::fixed(taps);
    let parts: Vec<&Operand> = pieces.iter().collect();
    Ok(v.e.node("Concat", &parts, vec![attribute::int("axis", 3)], x.dtype, &shape))
}
