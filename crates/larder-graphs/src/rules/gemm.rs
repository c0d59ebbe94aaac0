//! `Gemm`: a product of two matrices plus a third, scaled.
//!
//! Source: <https://onnx.ai/onnx/operators/onnx__Gemm.html>.

use crate::GraphsError;
use crate::rule::Vjp;

/// `Y = α · op(A) · op(B) + β C`, where `Y` is `[m, n]`, `op` transposes or does nothing and `C` broadcasts to `[m, n]`:
/// `dA = α · dY · op(B)ᵀ` (its transpose where A is transposed), `dB = α · op(A)ᵀ · dY` (likewise), `dC = β dY`, summed
/// over the axes that C was repeated along.
pub(crate) fn gemm(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let (trans_a, trans_b, alpha) = (v.flag("transA"), v.flag("transB"), v.float_attribute("alpha", 1.0));
    let (a, b, grad) = (v.input(0)?, v.input(1)?, v.grad()?);
    if v.needs_input_grad(0) {
        let gradient = match trans_a {
            false => v.e.product(&grad, false, &b, !trans_b, alpha),
            true => v.e.product(&b, trans_b, &grad, true, alpha),
        };
        v.set_input_grad(0, gradient)?;
    }
    if v.needs_input_grad(1) {
        let gradient = match trans_b {
            false => v.e.product(&a, !trans_a, &grad, false, alpha),
            true => v.e.product(&grad, true, &a, trans_a, alpha),
        };
        v.set_input_grad(1, gradient)?;
    }
    if v.needs_input_grad(2) {
        let shape = v.input(2)?.shape;
        let sum = v.e.sum_to(&grad, &shape);
        let beta = v.float_attribute("beta", 1.0);
        let gradient = v.e.scale(&sum, f64::from(beta));
        v.set_input_grad(2, gradient)?;
    }
    Ok(())
}
