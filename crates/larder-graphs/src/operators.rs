//! The products of a training graph by larder's own operators, in bfloat16 on the CPU.

use larder_kernels::operators::{DOMAIN, GEMM, VERSION};
use larder_onnx::facts::Facts;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{AttributeProto, NodeProto, OperatorSetIdProto};
use larder_onnx::{Model, attribute};

use crate::GraphsError;
use crate::emit::MICROSOFT;

/// Least size of an axis of a product that is worth it, where the size is known. The head's product has as many columns as
/// there are classes; sums over rows are products with one row of ones, and should not be rounded.
const LEAST_AXIS: usize = 16;

/// The model with every product of two matrices in bfloat16: of each linear layer its output and both gradients. `facts` are those
/// of all its tensors.
///
/// # Errors
/// [`GraphsError::Model`].
pub(crate) fn with_operators(model: Model, facts: &Facts) -> Result<Model, GraphsError> {
    let mut proto = model.into_proto();
    if let Some(graph) = &mut proto.graph {
        for node in graph.node.iter_mut().filter(|node| is_product(node, facts)) {
            let is_set = |name: &&&str| node.int_attribute(name, 0) == 1;
            let attributes = ["transA", "transB"].iter().filter(is_set).map(|name| attribute::int(name, 1)).collect();
            node.attribute = attributes;
            node.op_type = Some(GEMM.to_owned());
            node.domain = Some(DOMAIN.to_owned());
        }
    }
    proto.opset_import.push(OperatorSetIdProto { domain: Some(DOMAIN.to_owned()), version: Some(VERSION) });
    Ok(Model::from_proto(proto)?)
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
