//! Naming the node whose operator the runtime lacks.

use std::error::Error;
use std::path::Path;

use larder_onnx::Model;
use larder_onnx::proto::{GraphProto, NodeProto};
use larder_runtime::RuntimeError;

use crate::EncoderError;

/// Phrases in ONNX Runtime's errors for an operator that it lacks, or lacks in this version.
const SAYINGS: [&str; 2] = ["is not a registered function/op", "No Op registered for"];

/// The error of a session that could not be made: with the node, where an operator is what is missing. ONNX Runtime names
/// the operator always, the node not.
pub(crate) fn unknown_operator(source: RuntimeError, model: &Model, path: &Path, version: &str) -> EncoderError {
    let (path, source) = (path.to_path_buf(), Box::new(source));
    let said = source.source().map(ToString::to_string).unwrap_or_default();
    let missing = if SAYINGS.iter().any(|saying| said.contains(saying)) { find(model.graph(), &said) } else { None };
    match missing {
        Some((node, operator)) => {
            EncoderError::UnknownOperator { path, node, operator, version: version.to_owned(), source }
        }
        None => EncoderError::Run { path, source },
    }
}

/// Name and operator of the first node that is spoken of, graphs inside nodes included.
fn find(graph: &GraphProto, said: &str) -> Option<(String, String)> {
    graph.node.iter().enumerate().find_map(|(position, node)| {
        if is_named(node, said) {
            let name = if node.name().is_empty() { format!("#{position}") } else { node.name().to_owned() };
            return Some((name, operator(node)));
        }
        let inner = node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
        inner.into_iter().find_map(|graph| find(graph, said))
    })
}

/// As in `com.example:Frobnicate(-1) is not ...`, and in `In Node, ("name", Frobnicate, "", -1) : ...`.
fn is_named(node: &NodeProto, said: &str) -> bool {
    let (domain, op_type, name) = (node.domain(), node.op_type(), node.name());
    let domain = if domain.is_empty() { "ai.onnx" } else { domain };
    said.contains(&format!("{domain}:{op_type}(")) || said.contains(&format!("In Node, (\"{name}\", {op_type}, "))
}

fn operator(node: &NodeProto) -> String {
    match node.domain() {
        "" | "ai.onnx" => node.op_type().to_owned(),
        domain => format!("{domain}.{}", node.op_type()),
    }
}
