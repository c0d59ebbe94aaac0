//! The products of a training graph by larder's own operators, in bfloat16 on the CPU.

use std::collections::{HashMap, HashSet};

use larder_kernels::operators::{DOMAIN, GEMM, VERSION};
use larder_onnx::facts::Facts;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{AttributeProto, GraphProto, NodeProto};
use larder_onnx::{Model, attribute};

use crate::GraphsError;
use crate::emit::MICROSOFT;
use crate::reverse::import;

/// Least size of an axis of a product that is worth it, where the size is known. The head's product has as many columns as
/// there are classes; sums over rows are products with one row of ones, and should not be rounded.
const LEAST_AXIS: usize = 16;

/// The model with every product of two matrices in bfloat16: of each linear layer its output and both gradients. A sum of such products
/// and of what else there is, as with a residual, is added up by the products. `facts` are those of all its tensors.
///
/// # Errors
/// [`GraphsError::Model`].
pub(crate) fn with_operators(model: Model, facts: &Facts) -> Result<Model, GraphsError> {
    let mut proto = model.into_proto();
    import(&mut proto, DOMAIN, VERSION);
    if let Some(graph) = &mut proto.graph {
        for node in graph.node.iter_mut().filter(|node| is_product(node, facts)) {
            let is_set = |name: &&&str| node.int_attribute(name, 0) == 1;
            let attributes = ["transA", "transB"].iter().filter(is_set).map(|name| attribute::int(name, 1)).collect();
            node.attribute = attributes;
            node.op_type = Some(GEMM.to_owned());
            node.domain = Some(DOMAIN.to_owned());
        }
        fold_sums(graph, facts);
    }
    // A product may stand before what is its residual now.
    Ok(Model::from_proto(proto)?.sorted()?)
}

/// Sums with products among their terms, which nothing else reads, become residuals of these: a sum is written once, by the last
/// of its products.
fn fold_sums(graph: &mut GraphProto, facts: &Facts) {
    let shape = |name: &String| facts.get(name).map(|fact| &fact.shape);
    let mut readers: HashMap<String, usize> = HashMap::new();
    let outputs = graph.output.iter().map(|output| output.name());
    for name in graph.node.iter().flat_map(|node| node.input.iter().map(String::as_str)).chain(outputs) {
        *readers.entry(name.to_owned()).or_default() += 1;
    }
    let products = graph.node.iter().enumerate().filter(|(_, node)| is_own_product(node));
    let mut products: HashMap<String, usize> = products.map(|(at, node)| (node.output[0].clone(), at)).collect();
    let (mut summed, mut kept) = (HashSet::new(), Vec::new());
    for at in 0..graph.node.len() {
        let node = &graph.node[at];
        let is_sum = (node.is_op("Add") || node.is_op("Sum"))
            && node
                .input
                .iter()
                .all(|term| shape(term).is_some_and(|of| of.len() == 2 && Some(of) == shape(&node.output[0])));
        let is_folded = |term: &String| readers.get(term) == Some(&1) && products.contains_key(term);
        let (folded, rest): (Vec<String>, Vec<String>) = node.input.iter().cloned().partition(is_folded);
        if !is_sum || folded.is_empty() {
            continue;
        }
        let sum = node.output[0].clone();
        let mut places: Vec<usize> = folded.iter().filter_map(|term| products.remove(term)).collect();
        let mut residual = match rest.len() {
            0 => graph.node[places.remove(0)].output[0].clone(),
            1 => rest[0].clone(),
            _ => {
                let mut others = node.clone();
                others.input = rest;
                others.output = vec![format!("{sum}.rest")];
                kept.push(others);
                format!("{sum}.rest")
            }
        };
        for &place in &places {
            let product = &mut graph.node[place];
            product.input.resize(RESIDUAL, String::new());
            product.input.push(residual);
            residual = product.output[0].clone();
        }
        // There are two terms at least, so that a product is left.
        if let Some(&last) = places.last() {
            graph.node[last].output[0] = sum;
            summed.insert(at);
        }
    }
    let nodes = std::mem::take(&mut graph.node).into_iter().enumerate();
    graph.node = nodes.filter(|(at, _)| !summed.contains(at)).map(|(_, node)| node).chain(kept).collect();
}

/// The place of a product's residual among its inputs.
const RESIDUAL: usize = 3;

/// A product of larder's that has no residual yet.
fn is_own_product(node: &NodeProto) -> bool {
    node.domain() == DOMAIN && node.op_type() == GEMM && node.input.len() <= RESIDUAL
}

/// Returns true for `op(A) · op(B)`, with or without a bias for each column, of float32 matrices that are large enough.
fn is_product(node: &NodeProto, facts: &Facts) -> bool {
    let is_fused = node.op_type() == "FusedMatMul" && node.domain() == MICROSOFT;
    let is_one = |name: &str| node.find_attribute(name).is_none_or(|factor| AttributeProto::f(factor) == 1.0);
    let is_matrix = |name: &String| {
        facts.get(name).is_some_and(|fact| {
            let mut sizes = fact.shape.iter().filter_map(|dim| dim.as_fixed());
            fact.dtype == DataType::Float && fact.shape.len() == 2 && sizes.all(|size| size >= LEAST_AXIS)
        })
    };
    let is_bias = |name: &String| name.is_empty() || facts.get(name).is_some_and(|fact| fact.shape.len() == 1);
    (is_fused || node.is_op("MatMul") || node.is_op("Gemm"))
        && is_one("alpha")
        && is_one("beta")
        && node.input.iter().take(2).chain(node.output.first()).all(is_matrix)
        && node.input.iter().skip(2).all(is_bias)
}
