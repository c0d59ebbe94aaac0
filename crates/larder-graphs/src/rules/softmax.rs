//! `Softmax` and `LogSoftmax`, along any axis (one axis: the meaning from operator set 13 on).
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__Softmax.html>; for the row sums, FlashAttention (Dao et al., 2022,
//! <https://arxiv.org/abs/2205.14135>, appendix B).

use larder_onnx::proto::NodeProto;

use crate::GraphsError;
use crate::emit::{MICROSOFT, Operand};
use crate::rule::Vjp;
use crate::shape::as_i64;

/// `Y = softmax X`: `dX = (dY - D) Y` with `D = Σ dY Y` along the axis.
///
/// If Y are attention weights `[batch, heads, seq, seq]` that are only multiplied with the values, `O = Y · V`, then `D` is
/// `Σ dO O` over the features of a head: a sum over `[batch, heads, seq, head]`, shorter than one over the keys in all but
/// short sequences. Dropout between the two does not change it.
pub(crate) fn softmax(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, y) = (v.grad()?, v.output(0)?);
    let axis = v.axis(-1, y.rank())?;
    let weighted = if axis + 1 == y.rank() { context(v, &y) } else { None };
    let product = match weighted {
        Some((context, grad)) => v.e.mul(&grad, &context),
        None => v.e.mul(&grad, &y),
    };
    let sum = v.e.reduce_sum(&product, &[as_i64(axis)], true);
    let centred = v.e.sub(&grad, &sum);
    let gradient = v.e.mul(&centred, &y);
    v.set_input_grad(0, gradient)
}

/// `O = Y · V` and its gradient, where Y is read by nothing else.
fn context(v: &Vjp<'_, '_>, y: &Operand) -> Option<(Operand, Operand)> {
    let only_reader = |name: &str| -> Option<&NodeProto> {
        match v.context.consumers.get(name)?.as_slice() {
            [reader] if !(v.context.has_output_seed)(name) => Some(reader),
            _ => None,
        }
    };
    let mut weights = y.name();
    let mut reader = only_reader(weights)?;
    if reader.is_op("Dropout") {
        // Read as the mask by another node, the dropout is not out of the way.
        if reader.output.len() > 1 && v.context.consumers.contains_key(reader.output[1].as_str()) {
            return None;
        }
        weights = reader.output.first()?;
        reader = only_reader(weights)?;
    }
    let plain = reader.is_op("MatMul")
        || (reader.op_type() == "FusedMatMul" && reader.domain() == MICROSOFT && reader.attribute.is_empty());
    if !plain || reader.input.first()? != weights {
        return None;
    }
    let name = reader.output.first()?;
    let context = v.e.operand(name).ok()?;
    let grad = v.context.gradients.get(name)?.clone();
    let rows = |x: &Operand| x.shape.split_last().map(|(_, rows)| rows.to_vec());
    // Values of one axis, or weights that broadcast, change the rows.
    (context.rank() == y.rank() && rows(&context) == rows(y)).then_some((context, grad))
}

/// `Y = ln softmax X`: `dX = dY - eʸ Σ dY` along the axis.
pub(crate) fn log_softmax(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (grad, y) = (v.grad()?, v.output(0)?);
    let axis = v.axis(-1, y.rank())?;
    let sum = v.e.reduce_sum(&grad, &[as_i64(axis)], true);
    let softmax = v.e.unary("Exp", &y);
    let product = v.e.mul(&softmax, &sum);
    let gradient = v.e.sub(&grad, &product);
    v.set_input_grad(0, gradient)
}
