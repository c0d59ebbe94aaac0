//! `MatMul` and com.microsoft `FusedMatMul`: matrix products, batched and broadcast.
//!
//! Sources: <https://onnx.ai/onnx/operators/onnx__MatMul.html>,
//! <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedMatMul>.

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;
use crate::shape::as_i64;

/// `Y = A · B` with `A` `[.., m, k]`, `B` `[.., k, n]`: `dA = dY · Bᵀ`, `dB = Aᵀ · dY`, summed over the batch axes that were
/// repeated. An operand of one axis is a row (`A`) or a column (`B`), as the operator has it.
pub(crate) fn mat_mul(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    product(v, Product { trans_a: false, trans_b: false, alpha: 1.0 })
}

/// `Y = α · op(A) · op(B)`, where `op` transposes the last two axes or does nothing.
pub(crate) fn fused_mat_mul(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    if v.flag("transBatchA") || v.flag("transBatchB") {
        return Err(v.unsupported("it transposes batch axes", "transA, transB and alpha"));
    }
    let form = Product { trans_a: v.flag("transA"), trans_b: v.flag("transB"), alpha: v.float_attribute("alpha", 1.0) };
    product(v, form)
}

#[derive(Clone, Copy)]
struct Product {
    trans_a: bool,
    trans_b: bool,
    alpha: f32,
}

fn product(v: &mut Vjp<'_, '_>, form: Product) -> Result<(), GraphsError> {
    let (a, b) = (v.input(0)?, v.input(1)?);
    let mut grad = v.grad()?;
    let as_row = (a.rank() == 1).then(|| v.e.unsqueeze(&a, &[0]));
    let as_column = (b.rank() == 1).then(|| v.e.unsqueeze(&b, &[1]));
    if as_column.is_some() {
        grad = v.e.unsqueeze(&grad, &[as_i64(grad.rank())]);
    }
    if as_row.is_some() {
        grad = v.e.unsqueeze(&grad, &[as_i64(grad.rank()) - 1]);
    }
    let wide_a = as_row.unwrap_or_else(|| a.clone());
    let wide_b = as_column.unwrap_or_else(|| b.clone());
    let (to_a, to_b) = (v.needs_input_grad(0), v.needs_input_grad(1));
    let (grad_a, grad_b) = gradients(v, form, [&wide_a, &wide_b], &grad, [to_a, to_b]);
    for (index, operand, wide, gradient) in [(0, &a, &wide_a, grad_a), (1, &b, &wide_b, grad_b)] {
        if let Some(gradient) = gradient {
            let gradient = v.e.sum_to(&gradient, &wide.shape);
            let gradient = v.e.reshape_like(&gradient, operand);
            v.set_input_grad(index, gradient)?;
        }
    }
    Ok(())
}

/// Gradients of both operands, of rank 2 and more, with all batch axes of the product.
fn gradients(
    v: &mut Vjp<'_, '_>,
    Product { trans_a, trans_b, alpha }: Product,
    [a, b]: [&Operand; 2],
    grad: &Operand,
    [to_a, to_b]: [bool; 2],
) -> (Option<Operand>, Option<Operand>) {
    let e = &mut *v.e;
    // A weight shared by all rows: its gradient is one product over all of them, instead of one a batch and a sum.
    let (mut rows_a, mut rows_grad) = (a.clone(), grad.clone());
    let shared = b.rank() == 2 && a.rank() > 2 && !trans_a && a.shape[a.rank() - 1].as_fixed().is_some();
    let fixed = to_b && shared && grad.shape[grad.rank() - 1].as_fixed().is_some();
    if fixed && let (Some(a), Some(grad)) = (e.rows(a), e.rows(grad)) {
        (rows_a, rows_grad) = (a, grad);
    }
    let grad_a = to_a.then(|| match trans_a {
        false => e.product(grad, false, b, !trans_b, alpha),
        true => e.product(b, trans_b, grad, true, alpha),
    });
    let grad_b = to_b.then(|| match trans_b {
        false => e.product(&rows_a, !trans_a, &rows_grad, false, alpha),
        true => e.product(&rows_grad, true, &rows_a, trans_a, alpha),
    });
    (grad_a, grad_b)
}
