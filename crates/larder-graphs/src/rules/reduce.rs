//! Reductions: `ReduceSum`, `ReduceMean`, `ReduceMax`, `ReduceMin`, `ReduceSumSquare`, `ReduceL1`, `ReduceL2`,
//! `ReduceLogSumExp`.
//!
//! Axes are an attribute in older operator sets and an input in newer ones; without any, all are reduced. In the formulas
//! `dY` and `Y` have the reduced axes with size 1. Source: <https://onnx.ai/onnx/operators/onnx__ReduceSum.html> and the
//! pages beside it.

use larder_onnx::facts::Dim;

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::{Vjp, as_axes};
use crate::shape::product;

/// A reduction of `X` along `axes`.
struct Reduction {
    x: Operand,
    axes: Vec<usize>,
    /// `dY`, with the reduced axes.
    grad: Operand,
}

impl Reduction {
    fn of(v: &mut Vjp<'_, '_>) -> Result<Self, GraphsError> {
        let (x, grad) = (v.input(0)?, v.grad()?);
        let axes = match v.axes(1, x.rank())? {
            Some(axes) if !axes.is_empty() => axes,
            _ if v.flag("noop_with_empty_axes") => {
                return Err(v.unsupported("it reduces nothing", "a reduction of one axis and more"));
            }
            _ => (0..x.rank()).collect(),
        };
        let mut reduction = Self { x, axes, grad: grad.clone() };
        reduction.grad = reduction.kept(v, &grad);
        Ok(reduction)
    }

    /// An output with the reduced axes, size 1 each.
    fn kept(&self, v: &mut Vjp<'_, '_>, y: &Operand) -> Operand {
        if v.node.int_attribute("keepdims", 1) != 0 || y.rank() == self.x.rank() {
            return y.clone();
        }
        v.e.unsqueeze(y, &as_axes(&self.axes))
    }

    /// `Y`, with the reduced axes.
    fn output(&self, v: &mut Vjp<'_, '_>) -> Result<Operand, GraphsError> {
        let y = v.output(0)?;
        Ok(self.kept(v, &y))
    }
}

/// `Y = Σ X`: `dX = dY`, repeated.
pub(crate) fn sum(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let Reduction { x, grad, .. } = Reduction::of(v)?;
    let gradient = v.e.expand_like(&grad, &x);
    v.set_input_grad(0, gradient)
}

/// `Y = Σ X / n` over `n` elements: `dX = dY / n`, repeated.
pub(crate) fn mean(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let Reduction { x, axes, grad } = Reduction::of(v)?;
    repeat_mean(v, x, &axes, &grad)
}

fn repeat_mean(v: &mut Vjp<'_, '_>, x: Operand, axes: &[usize], grad: &Operand) -> Result<(), GraphsError> {
    let share = match product(axes.iter().map(|&axis| &x.shape[axis])).and_then(Dim::as_fixed) {
        Some(count) => v.e.scale(grad, 1.0 / count as f64),
        None => {
            let mut count = v.e.integer(1);
            for &axis in axes {
                let size = v.e.size_along(&x, axis);
                count = v.e.mul(&count, &size);
            }
            let count = v.e.cast(&count, x.dtype);
            v.e.div(grad, &count)
        }
    };
    let gradient = v.e.expand_like(&share, &x);
    v.set_input_grad(0, gradient)
}

/// `Y`, `[batch, channels, 1, ..]`, is the mean of `X`, `[batch, channels, ..]`, over all axes behind the second: `dX = dY / n`,
/// repeated. Some exporters write a normalisation with it
/// (<https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html>).
pub(crate) fn global_mean(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (x, grad) = (v.input(0)?, v.grad()?);
    let axes: Vec<usize> = (2..x.rank()).collect();
    repeat_mean(v, x, &axes, &grad)
}

/// `Y = max X` (or `min`): `dX = dY [X = Y] / n`, where `n` elements are equal to Y: ties share the gradient evenly, as in
/// PyTorch's `amax`.
pub(crate) fn extremum(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let reduction = Reduction::of(v)?;
    let y = reduction.output(v)?;
    let hits = v.e.equal(&reduction.x, &y);
    let hits = v.e.cast(&hits, y.dtype);
    let count = v.e.reduce_sum(&hits, &as_axes(&reduction.axes), true);
    let share = v.e.div(&reduction.grad, &count);
    let gradient = v.e.mul(&hits, &share);
    v.set_input_grad(0, gradient)
}

/// `Y = Σ X²`: `dX = 2 dY X`.
pub(crate) fn sum_square(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let Reduction { x, grad, .. } = Reduction::of(v)?;
    let doubled = v.e.scale(&grad, 2.0);
    let gradient = v.e.mul(&x, &doubled);
    v.set_input_grad(0, gradient)
}

/// `Y = Σ |X|`: `dX = dY sign X`; 0 at the kink.
pub(crate) fn l1(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let Reduction { x, grad, .. } = Reduction::of(v)?;
    let sign = v.e.unary("Sign", &x);
    let gradient = v.e.mul(&sign, &grad);
    v.set_input_grad(0, gradient)
}

/// `Y = √Σ X²`: `dX = X dY / Y`; 0 where Y is 0, as in PyTorch.
pub(crate) fn l2(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let reduction = Reduction::of(v)?;
    let y = reduction.output(v)?;
    let (zero, one) = (v.e.scalar(&y, 0.0), v.e.scalar(&y, 1.0));
    let positive = v.e.compare("Greater", &y, &zero);
    // Where Y is 0, so is every X: any divisor but 0 gives 0.
    let divisor = v.e.select(&positive, &y, &one);
    let quotient = v.e.div(&reduction.grad, &divisor);
    let gradient = v.e.mul(&reduction.x, &quotient);
    v.set_input_grad(0, gradient)
}

/// `Y = ln Σ eˣ`: `dX = dY exp(X - Y)`.
pub(crate) fn log_sum_exp(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let reduction = Reduction::of(v)?;
    let y = reduction.output(v)?;
    let difference = v.e.sub(&reduction.x, &y);
    let share = v.e.unary("Exp", &difference);
    let gradient = v.e.mul(&share, &reduction.grad);
    v.set_input_grad(0, gradient)
}
