//! `Einsum`: sums of products over named axes.
//!
//! Source: <https://onnx.ai/onnx/operators/onnx__Einsum.html>.

use larder_onnx::attribute;

use crate::GraphsError;
use crate::emit::Operand;
use crate::rule::Vjp;

/// `Y[out] = Σ A[a] B[b] ..`: `dA[a] = Σ dY[out] B[b] ..`, the same operator with output and operand exchanged. That needs
/// every axis of an operand once, and again in the output or in another operand.
pub(crate) fn einsum(v: &mut Vjp<'_, '_>) -> Result<(), GraphsError> {
    let grad = v.grad()?;
    let equation = v.text_attribute("equation").unwrap_or_default().replace(' ', "");
    let supported = "terms of distinct letters with an explicit output, each letter of an operand found elsewhere";
    let problem = format!("its equation is {equation:?}");
    let Some((terms, output)) = equation.split_once("->") else { return Err(v.unsupported(&problem, supported)) };
    let terms: Vec<&str> = terms.split(',').collect();
    let distinct = |term: &str| {
        term.chars().all(|letter| letter.is_ascii_alphabetic())
            && term.char_indices().all(|(place, letter)| !term[..place].contains(letter))
    };
    if terms.len() != v.node.input.len() || !terms.iter().chain([&output]).all(|term| distinct(term)) {
        return Err(v.unsupported(&problem, supported));
    }
    for (index, term) in
        terms.iter().enumerate().filter(|(index, _)| v.wanted.get(*index) == Some(&true)).collect::<Vec<_>>()
    {
        let others = || terms.iter().enumerate().filter(move |(other, _)| *other != index);
        if !term.chars().all(|letter| output.contains(letter) || others().any(|(_, other)| other.contains(letter))) {
            return Err(v.unsupported(&problem, supported));
        }
        let left: Vec<&str> = std::iter::once(output).chain(others().map(|(_, term)| *term)).collect();
        let exchanged = format!("{}->{term}", left.join(","));
        let mut operands = vec![grad.clone()];
        for (other, _) in others() {
            operands.push(v.input(other)?);
        }
        let operands: Vec<&Operand> = operands.iter().collect();
        let shape = v.input(index)?.shape;
        let equation = vec![attribute::string("equation", &exchanged)];
        let gradient = v.e.node("Einsum", &operands, equation, grad.dtype, &shape);
        v.set_input_grad(index, gradient)?;
    }
    Ok(())
}
