//! `Dropout`: elements set to zero at random, the others scaled up.
//!
//! Sources: Srivastava et al., 2014, <https://jmlr.org/papers/v15/srivastava14a.html>;
//! <https://onnx.ai/onnx/operators/onnx__Dropout.html>.

use larder_onnx::proto::tensor_proto::DataType;

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;

/// The operator's ratio where none is given.
const DEFAULT_RATIO: f64 = 0.5;

/// `Y = X mask / (1 - ratio)` in training mode: `dX = dY mask / (1 - ratio)`, with the mask that the forward node drew.
/// Outside training mode `Y = X` and `dX = dY`. A ratio of 1 has no gradient: the runtime says NaN.
pub(crate) fn dropout(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let x = v.input(0)?;
    let training = if v.has_input(2) { Some(v.input(2)?) } else { None };
    let is_training = training.as_ref().map_or(Some(false), |training| v.e.constant_truth(training));
    if is_training == Some(false) {
        return v.set_input_grad(0, grad);
    }
    let mask = v.extra_output(1, DataType::Bool, &x.shape)?;
    let mut scale = scale(v, &x)?;
    if let (None, Some(training)) = (is_training, &training) {
        let one = v.e.scalar(&x, 1.0);
        scale = v.e.select(training, &scale, &one);
    }
    let zero = v.e.scalar(&x, 0.0);
    let kept = v.e.select(&mask, &grad, &zero);
    let gradient = v.e.mul(&kept, &scale);
    v.set_input_grad(0, gradient)
}

/// `1 / (1 - ratio)`, shape `[]`.
fn scale(v: &mut Vjp<'_, '_>, x: &Operand) -> Result<Operand, GraphsError> {
    let ratio = if v.has_input(1) { Some(v.input(1)?) } else { None };
    let known = ratio.as_ref().map_or(Some(DEFAULT_RATIO), |ratio| v.e.constant_float(ratio));
    Ok(match (known, ratio) {
        (None, Some(ratio)) => {
            let ratio = v.e.cast(&ratio, x.dtype);
            let one = v.e.scalar(x, 1.0);
            let kept = v.e.sub(&one, &ratio);
            v.e.div(&one, &kept)
        }
        (known, _) => v.e.scalar(x, 1.0 / (1.0 - known.unwrap_or(DEFAULT_RATIO))),
    })
}
