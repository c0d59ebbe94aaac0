//! `Slice` and `Pad`: cutting a piece out, and putting constants around.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Slice.html>, <https://onnx.ai/onnx/operators/onnx__Pad.html>.

use larder_onnx::attribute;
use larder_onnx::proto::tensor_proto::DataType;

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;
use crate::shape::{as_i64, axis_of};

/// `Y = X[starts..ends]` in constant steps forward: `dX` is `dY` with zeros around it and between, in the shape of X.
///
/// For each axis that was cut, `dX[i] = dY[(i - start) / step]` where that is a place of `dY`, else 0: a `Gather` and a choice, since
/// `Pad` has no kernel in the CUDA build from operator set 19 on. A piece that turns out empty makes the runtime fail.
pub(crate) fn slice(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (mut gradient, x, y) = (v.grad()?, v.input(0)?, v.output(0)?);
    let mut steps = Vec::new();
    if v.has_input(4) {
        let given = v.input(4)?;
        match v.e.constant_integers(&given) {
            Some(given) if given.iter().all(|&step| step > 0) => steps = given,
            Some(given) => return Err(v.unsupported(&format!("its steps are {given:?}"), "steps forward")),
            None => return Err(v.unsupported("its steps are computed", "constant steps")),
        }
    }
    let starts = v.input(1)?;
    let count = starts.shape.first().and_then(|dim| dim.as_fixed());
    let count = count.ok_or_else(|| v.unsupported("it cuts an open number of axes", "axes of a fixed number"))?;
    let axes: Vec<usize> = if v.has_input(3) {
        let axes = v.input(3)?;
        let known = v.e.constant_integers(&axes);
        let known = known.ok_or_else(|| v.unsupported("its axes are computed", "constant axes"))?;
        known.iter().filter_map(|&axis| axis_of(axis, x.rank())).collect()
    } else {
        (0..count).collect()
    };
    if axes.len() != count {
        return Err(v.unsupported(&format!("{count} starts for axes {axes:?}"), "one start an axis"));
    }
    for (place, &axis) in axes.iter().enumerate() {
        let is_whole = x.shape[axis].as_fixed().is_some() && x.shape[axis] == y.shape[axis];
        if !is_whole {
            let start = start(v, &starts, place, &x, axis);
            let step = steps.get(place).copied().unwrap_or(1);
            gradient = surround(v, &gradient, (&start, step), &x, axis);
        }
    }
    v.set_input_grad(0, gradient)
}

/// int64 `[]`: where the piece begins on that axis of X. A negative start counts from the end; none lies outside.
fn start(v: &mut Vjp<'_, '_>, starts: &Operand, place: usize, x: &Operand, axis: usize) -> Operand {
    let e = &mut *v.e;
    if let Some(&start) = e.constant_integers(starts).as_deref().and_then(|starts| starts.get(place)) {
        match x.shape[axis].as_fixed().map(as_i64) {
            Some(size) if start < 0 => return e.integer((start + size).max(0)),
            Some(size) => return e.integer(start.min(size)),
            None if start == 0 => return e.integer(0),
            None => {}
        }
    }
    let starts = e.cast(starts, DataType::Int64);
    let (place, size) = (e.integer(as_i64(place)), e.size_along(x, axis));
    let start = e.node("Gather", &[&starts, &place], vec![attribute::int("axis", 0)], DataType::Int64, &[]);
    let zero = e.integer(0);
    let from_end = e.compare("Less", &start, &zero);
    let shifted = e.add(&start, &size);
    let start = e.select(&from_end, &shifted, &start);
    let start = e.binary("Max", &start, &zero);
    e.binary("Min", &start, &size)
}

/// `piece` from `start` on, each `step` places, and zeros elsewhere, along one axis of X.
fn surround(v: &mut Vjp<'_, '_>, piece: &Operand, (start, step): (&Operand, i64), x: &Operand, axis: usize) -> Operand {
    let e = &mut *v.e;
    let places = e.places(x, axis);
    let (zero, one) = (e.integer(0), e.integer(1));
    let size = e.size_along(piece, axis);
    let last = e.sub(&size, &one);
    let mut wanted = e.sub(&places, start);
    let before = e.compare("Less", &wanted, &zero);
    let mut between = None;
    if step > 1 {
        let step = e.integer(step);
        let rest = e.binary("Mod", &wanted, &step);
        between = Some(e.compare("Greater", &rest, &zero));
        wanted = e.binary("Div", &wanted, &step);
    }
    let after = e.compare("Greater", &wanted, &last);
    let mut outside = e.compare("Or", &after, &before);
    if let Some(between) = between {
        outside = e.compare("Or", &outside, &between);
    }
    let nearest = e.binary("Min", &wanted, &last);
    let nearest = e.binary("Max", &nearest, &zero);
    let mut shape = piece.shape.to_vec();
    shape[axis] = x.shape[axis];
    let along = vec![attribute::int("axis", as_i64(axis))];
    let spread = e.node("Gather", &[piece, &nearest], along, piece.dtype, &shape);
    let later = x.rank() - axis - 1;
    if later > 0 {
        outside = e.unsqueeze(&outside, &(1..=as_i64(later)).collect::<Vec<_>>());
    }
    let zero = e.scalar(piece, 0.0);
    e.select(&outside, &zero, &spread)
}

/// X with constants around it: `dX` is the piece of `dY` where X lies. Widths must be constant and not negative.
pub(crate) fn pad(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x) = (v.grad()?, v.input(0)?);
    match v.text_attribute("mode").as_deref() {
        None | Some("constant") => {}
        Some(other) => return Err(v.unsupported(&format!("mode is {other:?}"), "mode constant")),
    }
    if v.has_input(3) {
        return Err(v.unsupported("it names axes", "widths for all axes"));
    }
    let widths = v.input(1)?;
    let widths = v.e.constant_integers(&widths).filter(|widths| widths.len() == 2 * x.rank());
    let widths = widths.filter(|widths| widths.iter().all(|&width| width >= 0));
    let widths = widths.ok_or_else(|| v.unsupported("its widths are computed or negative", "constant widths"))?;
    let start = v.e.integers(&widths[..x.rank()]);
    let size = v.e.shape_of(&x);
    let end = v.e.add(&start, &size);
    let axes = v.e.integers(&(0..x.rank()).map(as_i64).collect::<Vec<_>>());
    let gradient = v.e.node("Slice", &[&grad, &start, &end, &axes], vec![], x.dtype, &x.shape);
    v.set_input_grad(0, gradient)
}
