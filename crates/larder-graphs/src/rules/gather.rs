//! `Gather`, `GatherElements`, `GatherND`: rows and elements picked by their place.
//!
//! The gradient of a row that was picked several times is a sum, and no kernel of the stock runtime adds up rows both
//! safely and fast: the CPU's `ScatterND` with `reduction=add` divides the rows among its threads and loses additions that
//! meet in one row (seen from about a thousand rows on), CUDA's adds in an order that changes from run to run, and the
//! CPU's `ScatterElements` takes 0.1 µs an element. So the rows are added up by a matrix product first, see [`Scatter`].
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Gather.html>, <https://onnx.ai/onnx/operators/onnx__ScatterND.html> and the
//! pages beside them.

use larder_onnx::attribute;
use larder_onnx::facts::Dim;
use larder_onnx::proto::tensor_proto::DataType;

use crate::GraphsError;
use crate::emit::Operand;
use crate::reverse::Scatter;
use crate::rule::Vjp;
use crate::shape::{as_i64, product};

/// Tables of up to that many rows, as those of token types, get their gradient as one product with a 0/1 matrix of that
/// many columns.
pub(crate) const SMALL_TABLE: usize = 64;

/// The operator set that gave `ScatterND` and `ScatterElements` their `reduction`.
const SCATTER_ADD: i64 = 16;

/// `Y = X[.., indices, ..]`: `dX` is zero but for the rows picked, each the sum of `dY` over the places that it was picked
/// for.
///
/// - One index (a scalar), as for the first token `[batch, hidden]` of `[batch, seq, hidden]`: `dY` times `[place = index]`.
/// - The rows of a small table: `[indices = row]ᵀ · dY`.
/// - Else, with `n` indices, `[indices = indicesᵀ] · dY` (`[n, n]` times `[n, width]`) gives every place its row's whole
///   sum, and `ScatterND` writes it: several times where a row was picked several times, and every time the same. For
///   another axis than the first, between two transposes.
pub(crate) fn gather(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, x, indices) = (v.grad()?, v.input(0)?, v.input(1)?);
    let axis = v.axis(0, x.rank())?;
    let given_zeros = v.context.zeros.get(x.name()).cloned();
    let indices = v.e.cast(&indices, DataType::Int64);
    if indices.rank() == 0 {
        let gradient = one_index(v, &grad, &x, &indices, axis);
        return v.set_input_grad(0, gradient);
    }
    let size = v.e.size_along(&x, axis);
    // A negative index counts from the end; the remainder takes the sign of the divisor.
    let indices = v.e.binary("Mod", &indices, &size);
    let gradient = match x.shape[axis].as_fixed() {
        Some(rows) if axis == 0 && rows <= SMALL_TABLE && given_zeros.is_none() => {
            let (picked, flat) = rows_of(v, &indices, &grad)?;
            let table = v.e.places(&x, 0);
            let picked = v.e.equal(&picked, &table);
            let picked = v.e.cast(&picked, x.dtype);
            let sum = v.e.product(&picked, true, &flat, false, 1.0);
            v.e.reshape_like(&sum, &x)
        }
        _ if axis == 0 => {
            let zeros = given_zeros.unwrap_or_else(|| v.e.zeros_like(&x));
            scatter_rows(v, &zeros, &indices, &grad)?
        }
        _ => along(v, &grad, &x, &indices, axis)?,
    };
    v.set_input_grad(0, gradient)
}

fn one_index(v: &mut Vjp<'_, '_>, grad: &Operand, x: &Operand, index: &Operand, axis: usize) -> Operand {
    let e = &mut *v.e;
    let places = e.places(x, axis);
    let known = e.constant_integer(index).filter(|&index| index >= 0);
    let index = match known {
        Some(index) => e.integer(index),
        None => {
            let size = e.size_along(x, axis);
            e.binary("Mod", index, &size)
        }
    };
    let picked = e.equal(&places, &index);
    let mut picked = e.cast(&picked, x.dtype);
    let later = x.rank() - axis - 1;
    if later > 0 {
        picked = e.unsqueeze(&picked, &(1..=as_i64(later)).collect::<Vec<_>>());
    }
    let grad = e.unsqueeze(grad, &[as_i64(axis)]);
    e.mul(&grad, &picked)
}

/// Gathered along an axis that is not the first.
fn along(
    v: &mut Vjp<'_, '_>,
    grad: &Operand,
    x: &Operand,
    indices: &Operand,
    axis: usize,
) -> Result<Operand, GraphsError> {
    // The gradient with the axes of the indices first, X with the gathered axis first.
    let picked = axis..axis + indices.rank();
    let order: Vec<usize> = picked.clone().chain(0..axis).chain(picked.end..grad.rank()).collect();
    let moved = v.e.transpose(grad, &order);
    let order: Vec<usize> = std::iter::once(axis).chain((0..x.rank()).filter(|&place| place != axis)).collect();
    let zeros = v.e.zeros_like(x);
    let zeros = v.e.transpose(&zeros, &order);
    let sum = scatter_rows(v, &zeros, indices, &moved)?;
    let back: Vec<usize> = (1..=axis).chain([0]).chain(axis + 1..x.rank()).collect();
    Ok(v.e.transpose(&sum, &back))
}

/// `zeros`, `[rows, ..]`, with the rows of `updates`, `[indices.., ..]`, added up at their indices, none of them negative.
fn scatter_rows(
    v: &mut Vjp<'_, '_>,
    zeros: &Operand,
    indices: &Operand,
    updates: &Operand,
) -> Result<Operand, GraphsError> {
    let shape = zeros.shape.clone();
    if v.context.scatter == Scatter::Atomic {
        v.needs_opset(SCATTER_ADD)?;
        let column = v.e.unsqueeze(indices, &[as_i64(indices.rank())]);
        let add = vec![attribute::string("reduction", "add")];
        return Ok(v.e.node("ScatterND", &[zeros, &column, updates], add, updates.dtype, &shape));
    }
    let (column, flat) = rows_of(v, indices, updates)?;
    let e = &mut *v.e;
    let row = e.transpose(&column, &[1, 0]);
    let same = e.equal(&column, &row);
    let same = e.cast(&same, updates.dtype);
    let sums = e.product(&same, false, &flat, false, 1.0);
    let sums = e.reshape_like(&sums, updates);
    let column = e.unsqueeze(indices, &[as_i64(indices.rank())]);
    Ok(e.node("ScatterND", &[zeros, &column, &sums], vec![], updates.dtype, &shape))
}

/// The indices as a column, and what belongs to each as a row.
fn rows_of(v: &mut Vjp<'_, '_>, indices: &Operand, updates: &Operand) -> Result<(Operand, Operand), GraphsError> {
    let both = v.e.column(indices).zip(v.e.flat_rows(updates, indices.rank()));
    both.ok_or_else(|| {
        v.unsupported(
            "its indices or rows are of a size that follows the batch otherwise",
            "products of batch and length",
        )
    })
}

/// `Y[i, j, ..] = X[i, indices[i, j, ..], ..]` along an axis: `dX` is `dY` added up at the same places. By
/// `ScatterElements`, which is slow on the CPU, in one thread, and right.
pub(crate) fn gather_elements(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    v.needs_opset(SCATTER_ADD)?;
    let (grad, x, indices) = (v.grad()?, v.input(0)?, v.input(1)?);
    let axis = v.axis(0, x.rank())?;
    let attributes = vec![attribute::int("axis", as_i64(axis)), attribute::string("reduction", "add")];
    let zeros = v.e.zeros_like(&x);
    let gradient = v.e.node("ScatterElements", &[&zeros, &indices, &grad], attributes, x.dtype, &x.shape);
    v.set_input_grad(0, gradient)
}

/// `Y[i, ..] = X[indices[i, ..]]`, where the last axis of the indices, `[.., n]`, names a place on the first `n` axes of X:
/// the places are numbered as in memory, and the rest is as for rows.
pub(crate) fn gather_nd(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    if v.flag("batch_dims") {
        return Err(v.unsupported("it has batch axes", "batch_dims of 0"));
    }
    let (grad, x, indices) = (v.grad()?, v.input(0)?, v.input(1)?);
    let named = indices.shape.last().and_then(|dim| dim.as_fixed()).filter(|&count| count > 0 && count <= x.rank());
    let named = named.ok_or_else(|| v.unsupported("it names an open number of axes", "axes of a fixed number"))?;
    let e = &mut *v.e;
    let mut number: Option<Operand> = None;
    for axis in 0..named {
        let (place, size) = (e.integer(as_i64(axis)), e.size_along(&x, axis));
        let shape = &indices.shape[..indices.rank() - 1];
        let index = e.node("Gather", &[&indices, &place], vec![attribute::int("axis", -1)], DataType::Int64, shape);
        let index = e.binary("Mod", &index, &size);
        number = Some(match number {
            None => index,
            Some(number) => {
                let scaled = e.mul(&number, &size);
                e.add(&scaled, &index)
            }
        });
    }
    let number = number.expect("one axis at least is named");
    let zeros = e.zeros_like(&x);
    let zeros = product(&x.shape[..named]).and_then(|rows| {
        let shape: Vec<Dim> = std::iter::once(rows).chain(x.shape[named..].iter().copied()).collect();
        e.reshape_to(&zeros, &shape)
    });
    let zeros = zeros.ok_or_else(|| v.unsupported("X has open axes", "one open axis"))?;
    // A single index, of no axis, is one row.
    let (number, grad) = match number.rank() {
        0 => (v.e.unsqueeze(&number, &[0]), v.e.unsqueeze(&grad, &[0])),
        _ => (number, grad),
    };
    let sum = scatter_rows(v, &zeros, &number, &grad)?;
    let gradient = v.e.reshape_like(&sum, &x);
    v.set_input_grad(0, gradient)
}
