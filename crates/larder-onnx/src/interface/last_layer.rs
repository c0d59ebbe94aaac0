//! Selects the last layer's output from several outputs `[batch, seq, features]`.
//!
//! A layer hands on what it was given and adds to it: there is a way from one layer's output to the next one's that goes
//! around every product with parameters, and parameters lie beside it. A projection of a layer's output has no such way:
//! all of it goes through the product. A vector that is only scaled to a length, or masked, has the way and no parameters.
//! So neither is a further layer, whatever it is called, however wide it is, and wherever it stands among the outputs.

use std::collections::HashSet;

use super::outputs::count_layers;
use crate::Model;
use crate::graph::Producers;
use crate::proto::NodeProto;

/// Operators that multiply by a matrix, where one of their inputs is a constant.
const PRODUCTS: [&str; 15] = [
    "MatMul",
    "Gemm",
    "FusedMatMul",
    "FusedGemm",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
    "QLinearMatMul",
    "MatMulNBits",
    "MatMulBnb4",
    "Einsum",
    "Conv",
    "ConvInteger",
    "Attention",
    "QAttention",
];

/// Places among `outputs`, names of tensors `[batch, seq, ...]`, of those that may be the last layer's: no earlier layer, and
/// nothing made of another one's vectors. Several where neither is made of the other.
pub(super) fn among(model: &Model, producers: &Producers<'_>, outputs: &[&str]) -> Vec<usize> {
    if outputs.len() < 2 {
        return (0..outputs.len()).collect();
    }
    let roots: Vec<&str> = outputs.iter().map(|name| root(producers, name)).collect();
    let attends: Vec<bool> = roots.iter().map(|name| count_layers(model, producers, name).is_some()).collect();
    let superseded = |of: usize, by: usize| match roots[of] == roots[by] {
        // One tensor under two names: the first.
        true => by < of,
        false => {
            // Embeddings, of a width of their own perhaps.
            (attends[by] && !attends[of])
                || step(model, producers, roots[of], roots[by]) == Some(Step::Layer)
                || (attends[by] == attends[of] && step(model, producers, roots[by], roots[of]) == Some(Step::Other))
        }
    };
    let all = 0..outputs.len();
    all.clone().filter(|&of| !all.clone().any(|by| by != of && superseded(of, by))).collect()
}

/// The computation between two tensors, one of which depends on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The rest of a layer, or more of them.
    Layer,
    /// A projection, a scaling, a mask.
    Other,
}

/// Classifies the computation from `from` to `to`; `None` if `to` does not depend on `from`.
fn step(model: &Model, producers: &Producers<'_>, from: &str, to: &str) -> Option<Step> {
    let nodes = &model.graph().node;
    let (after, names) = producers.ancestors(&[to]);
    if !names.contains(from) {
        return None;
    }
    let (before, _) = producers.ancestors(&[from]);
    let is_constant = |name: &String| producers.constant_shape(name);
    let has_parameters = |node: &NodeProto| {
        let sizes = node.input.iter().filter_map(is_constant).filter(|(dtype, _)| super::is_float(*dtype));
        sizes.map(|(_, dims)| dims.iter().product::<usize>()).any(|count| count > 1)
    };
    let parameters = after.difference(&before).any(|&position| has_parameters(&nodes[position]));
    let is_product = |node: &NodeProto| {
        PRODUCTS.contains(&node.op_type()) && node.input.iter().any(|name| is_constant(name).is_some())
    };
    let mut seen: HashSet<&str> = HashSet::new();
    let mut open = vec![to];
    while let Some(name) = open.pop() {
        if name == from {
            return Some(if parameters { Step::Layer } else { Step::Other });
        }
        let Some(node) = producers.node(name).filter(|_| seen.insert(name)) else { continue };
        if !is_product(node) && !matches!(node.op_type(), "Shape" | "Size") {
            open.extend(node.input.iter().map(String::as_str));
        }
    }
    Some(Step::Other)
}

/// The tensor that this one is, but for its type and what is left over from training.
fn root<'a>(producers: &Producers<'a>, tensor: &'a str) -> &'a str {
    let mut name = tensor;
    let mut seen = HashSet::new();
    while let Some(node) = producers.node(name).filter(|_| seen.insert(name)) {
        let passes = matches!(node.op_type(), "Identity" | "Cast" | "Dropout");
        match node.input.first().filter(|_| passes && node.output.first().is_some_and(|first| first == name)) {
            Some(input) => name = input,
            None => break,
        }
    }
    name
}
