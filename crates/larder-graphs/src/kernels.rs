//! The operators that the stock ONNX Runtime has kernels for, in float32, on the CPU and on CUDA.
//!
//! Read off the kernels that ONNX Runtime 1.31.1 registers (CPU) and its table of supported operators
//! (<https://github.com/microsoft/onnxruntime/blob/main/docs/OperatorKernels.md>, CUDA), for the operator sets of
//! [`OPSETS`](crate::OPSETS). A kernel made for one version of an operator is not taken for a later version, even where
//! nothing but the list of types has changed: so newer operator sets have fewer kernels.

use std::collections::HashSet;

use larder_kernels::operators::DOMAIN;
use larder_onnx::Model;
use larder_onnx::proto::NodeProto;

use crate::emit::MICROSOFT;
use crate::registry::qualified;
use crate::{GraphsError, OPSETS};

/// An operator of ONNX: its versions within [`OPSETS`](crate::OPSETS), and those of them without a CUDA kernel. All have one
/// for the CPU.
type Operator = (&'static str, &'static [i64], &'static [i64]);

const OPERATORS: &[Operator] = &[
    ("Abs", &[13], &[]),
    ("Add", &[13, 14], &[]),
    ("And", &[7], &[]),
    ("ArgMax", &[13], &[]),
    ("Cast", &[13, 19, 21], &[]),
    ("Ceil", &[13], &[]),
    ("Clip", &[13], &[]),
    ("Concat", &[13], &[]),
    // Taken for an initializer before kernels are looked for.
    ("Constant", &[13, 19, 21], &[]),
    ("ConstantOfShape", &[9, 20, 21], &[20, 21]),
    ("Conv", &[11], &[]),
    ("ConvTranspose", &[11], &[]),
    ("Cos", &[7], &[]),
    ("CumSum", &[11, 14], &[]),
    ("Div", &[13, 14], &[]),
    ("Dropout", &[13], &[]),
    ("Einsum", &[12], &[]),
    ("Equal", &[13, 19], &[19]),
    ("Erf", &[13], &[]),
    ("Exp", &[13], &[]),
    ("Expand", &[13], &[]),
    ("Flatten", &[13, 21], &[21]),
    ("Floor", &[13], &[]),
    ("Gather", &[13], &[]),
    ("GatherElements", &[13], &[]),
    ("GatherND", &[13], &[]),
    ("Gelu", &[20], &[]),
    ("Gemm", &[13], &[]),
    ("GlobalAveragePool", &[1], &[]),
    ("Greater", &[13], &[]),
    ("GreaterOrEqual", &[12, 16], &[]),
    ("Identity", &[13, 14, 16, 19, 21], &[21]),
    ("IsInf", &[10, 20], &[]),
    ("IsNaN", &[13, 20], &[]),
    ("LayerNormalization", &[17], &[]),
    ("Less", &[13], &[]),
    ("LessOrEqual", &[12, 16], &[]),
    ("Log", &[13], &[]),
    ("LogSoftmax", &[13], &[]),
    ("MatMul", &[13], &[]),
    ("Max", &[13], &[]),
    ("Mean", &[13], &[13]),
    ("Min", &[13], &[]),
    ("Mod", &[13], &[]),
    ("Mul", &[13, 14], &[]),
    ("Neg", &[13], &[]),
    ("Not", &[1], &[]),
    ("OneHot", &[11], &[]),
    ("Or", &[7], &[]),
    ("Pad", &[13, 18, 19, 21], &[19, 21]),
    ("Pow", &[13, 15], &[]),
    ("Range", &[11], &[]),
    ("Reciprocal", &[13], &[]),
    ("ReduceL1", &[13, 18], &[]),
    ("ReduceL2", &[13, 18], &[]),
    ("ReduceLogSumExp", &[13, 18], &[]),
    ("ReduceMax", &[13, 18, 20], &[20]),
    ("ReduceMean", &[13, 18], &[]),
    ("ReduceMin", &[13, 18, 20], &[20]),
    ("ReduceProd", &[13, 18], &[]),
    ("ReduceSum", &[13], &[]),
    ("ReduceSumSquare", &[13, 18], &[]),
    ("Relu", &[13, 14], &[]),
    ("Reshape", &[13, 14, 19, 21], &[]),
    ("Round", &[11], &[]),
    ("ScatterElements", &[13, 16, 18], &[]),
    ("ScatterND", &[13, 16, 18], &[]),
    ("Shape", &[13, 15, 19, 21], &[]),
    ("Sigmoid", &[13], &[]),
    ("Sign", &[13], &[]),
    ("Sin", &[7], &[]),
    ("Size", &[13, 19, 21], &[19, 21]),
    ("Slice", &[13], &[]),
    ("Softmax", &[13], &[]),
    ("Softplus", &[1], &[]),
    ("Split", &[13, 18], &[]),
    ("Sqrt", &[13], &[]),
    ("Squeeze", &[13, 21], &[]),
    ("Sub", &[13, 14], &[]),
    ("Sum", &[13], &[]),
    ("Tanh", &[13], &[]),
    ("Tile", &[13], &[]),
    ("Transpose", &[13, 21], &[]),
    ("Trilu", &[14], &[]),
    ("Unsqueeze", &[13, 21], &[]),
    ("Where", &[9, 16], &[]),
    ("Xor", &[7], &[]),
];

/// Operators of ONNX Runtime's own domain, which have one version.
const MICROSOFT_OPERATORS: &[&str] =
    &["BiasGelu", "FastGelu", "FusedMatMul", "Gelu", "QuickGelu", "SkipLayerNormalization"];

/// Checks that the stock CPU build and the stock CUDA build have a kernel for every node of the model.
///
/// # Errors
/// [`GraphsError::NoKernel`] for the first node that lacks one, or whose operator is not in the table;
/// [`GraphsError::Opset`] for an operator set that the table does not cover; [`GraphsError::Model`].
pub fn check_kernels(model: &Model) -> Result<(), GraphsError> {
    check_nodes(model.graph().node.iter(), known_opset(model)?, |_| true)
}

/// The same, but for nodes of larder's own operators, which this process has kernels for.
pub(crate) fn check_kernels_besides_own(model: &Model) -> Result<(), GraphsError> {
    check_nodes(model.graph().node.iter().filter(|node| !is_own(node)), known_opset(model)?, |_| true)
}

fn is_own(node: &NodeProto) -> bool {
    node.domain() == DOMAIN
}

fn known_opset(model: &Model) -> Result<i64, GraphsError> {
    let found = model.opset("")?;
    if OPSETS.contains(&found) { Ok(found) } else { Err(GraphsError::Opset { found, expected: OPSETS }) }
}

/// The same of the nodes that are added to a graph as it was given: its own run already, and where CUDA has no kernel the runtime takes
/// the CPU's.
pub(crate) fn check_added_kernels(model: &Model, given: &HashSet<String>) -> Result<(), GraphsError> {
    let opset = model.opset("")?;
    let is_given = |node: &NodeProto| node.output.iter().any(|output| given.contains(output));
    let added = model.graph().node.iter().filter(|node| !is_given(node) && !is_own(node));
    check_nodes(added, opset, |device| device != CUDA)
}

/// The device of kernels that are there for the CPU.
const CUDA: &str = "CUDA";

fn check_nodes<'a>(
    nodes: impl Iterator<Item = &'a NodeProto>,
    opset: i64,
    matters: impl Fn(&str) -> bool,
) -> Result<(), GraphsError> {
    for node in nodes {
        let missing = match node.domain() {
            "" | "ai.onnx" => missing(node.op_type(), opset),
            MICROSOFT if MICROSOFT_OPERATORS.contains(&node.op_type()) => None,
            _ => Some("CPU or CUDA"),
        };
        if let Some(device) = missing.filter(|device| matters(device)) {
            return Err(GraphsError::NoKernel {
                node: node.name().to_owned(),
                op_type: qualified(node.domain(), node.op_type()),
                opset,
                device,
            });
        }
    }
    Ok(())
}

/// The device that an operator has no kernel for.
fn missing(op_type: &str, opset: i64) -> Option<&'static str> {
    let Some((_, versions, not_cuda)) = OPERATORS.iter().find(|(name, _, _)| *name == op_type) else {
        return Some("CPU or CUDA");
    };
    match versions.iter().rev().find(|&&version| version <= opset) {
        None => Some("CPU or CUDA"),
        Some(version) if not_cuda.contains(version) => Some(CUDA),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(OPERATORS.is_sorted_by(|a, b| a.0 < b.0));
        let well_formed = |(_, versions, not_cuda): &Operator| {
            versions.is_sorted() && not_cuda.iter().all(|version| versions.contains(version))
        };
        assert!(OPERATORS.iter().all(well_formed));
    }

    #[test]
    fn newer_versions_may_lack_kernels() {
        assert_eq!(missing("Equal", 18), None);
        assert_eq!(missing("Equal", 19), Some("CUDA"));
        assert_eq!(missing("Gelu", 19), Some("CPU or CUDA"));
        assert_eq!(missing("NonMaxSuppression", 17), Some("CPU or CUDA"));
    }
}
