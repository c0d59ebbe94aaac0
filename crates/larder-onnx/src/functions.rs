//! Functions that a model defines for itself, put in the place of the nodes that call them.
//!
//! Exporters may write a module, or all of a model, as a function ([`FunctionProto`]): its nodes stand outside the graph,
//! and one node calls them (<https://onnx.ai/onnx/repo-docs/IR.html#functions>). Whoever reads a graph without looking into
//! its functions counts too few layers and misses tables. ONNX Runtime replaces the calls before it runs a model;
//! [`Model::inlined`] does the same, so that the graph read is the graph that runs.

use std::collections::{HashMap, HashSet};

use prost::Message;

use crate::proto::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto};
use crate::{Model, OnnxError, attribute};

/// Functions that call functions may nest this deep; exporters nest modules about ten deep.
const DEEPEST: usize = 100;

/// Calls may add this many nodes and bytes to a graph: functions that each call another twice double with every level, and
/// a file of a kilobyte would ask for all memory.
const LARGEST: Size = Size { nodes: 1 << 20, bytes: 1 << 30 };

/// Domains whose operators ONNX Runtime has itself. It takes those before a function of the same name.
const BUILT_IN: [&str; 4] = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];

impl Model {
    /// Replaces every call of one of the model's functions by the function's nodes, also inside other functions and
    /// inside subgraphs. Tensors of a function get names of their own, the same each time. A body's operators are those
    /// of the model's operator sets, as ONNX Runtime takes them; a set that only the function imports is imported.
    ///
    /// # Errors
    /// [`OnnxError::Function`] for functions that call themselves, nest too deep, become too large or are defined twice;
    /// what [`Model::from_proto`] says of a body that does not hang together.
    pub fn inlined(self) -> Result<Self, OnnxError> {
        if self.proto().functions.is_empty() {
            return Ok(self);
        }
        let mut proto = self.into_proto();
        let functions = std::mem::take(&mut proto.functions);
        let known = index(&functions)?;
        let mut graph = proto.graph.take().unwrap_or_default();
        let prefix = free_prefix(&graph);
        let mut inliner =
            Inliner { functions: &known, prefix, calls: 0, open: Vec::new(), added: Size { nodes: 0, bytes: 0 } };
        inliner.graph(&mut graph)?;
        proto.graph = Some(graph);
        import_domains(&mut proto, &functions);
        proto.functions = functions;
        proto.functions.retain(|function| BUILT_IN.contains(&function.domain()));
        Self::from_proto(proto)
    }
}

/// Domain, name and overload.
type Key<'a> = (&'a str, &'a str, &'a str);

fn key(node: &NodeProto) -> Key<'_> {
    (node.domain(), node.op_type(), node.overload())
}

fn index(functions: &[FunctionProto]) -> Result<HashMap<Key<'_>, &FunctionProto>, OnnxError> {
    let mut known = HashMap::new();
    for function in functions.iter().filter(|function| !BUILT_IN.contains(&function.domain())) {
        if known.insert((function.domain(), function.name(), function.overload()), function).is_some() {
            return Err(wrong(function, "is defined twice"));
        }
    }
    Ok(known)
}

fn wrong(function: &FunctionProto, problem: impl Into<String>) -> OnnxError {
    OnnxError::Function { function: format!("{}.{}", function.domain(), function.name()), problem: problem.into() }
}

fn subgraphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

fn subgraphs_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute.iter_mut().flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs))
}

/// Numbers of nodes and bytes that expanded calls add to a graph.
struct Size {
    nodes: usize,
    bytes: usize,
}

/// Returns a prefix that no tensor name in the graph begins with.
fn free_prefix(graph: &GraphProto) -> String {
    fn names<'a>(graph: &'a GraphProto, into: &mut HashSet<&'a str>) {
        into.extend(graph.input.iter().map(|input| input.name()));
        into.extend(graph.initializer.iter().map(TensorProto::name));
        for node in &graph.node {
            into.extend(node.input.iter().chain(&node.output).map(String::as_str));
            subgraphs(node).for_each(|inner| names(inner, into));
        }
    }
    let mut taken = HashSet::new();
    names(graph, &mut taken);
    let mut prefix = "inlined".to_owned();
    while taken.iter().any(|name| name.starts_with(&prefix)) {
        prefix.push('_');
    }
    prefix
}

/// Operator sets that only functions import.
fn import_domains(proto: &mut ModelProto, functions: &[FunctionProto]) {
    let canonical = |domain: &str| if domain == "ai.onnx" { String::new() } else { domain.to_owned() };
    for import in functions.iter().flat_map(|function| &function.opset_import) {
        let known = |other: &crate::proto::OperatorSetIdProto| canonical(other.domain()) == canonical(import.domain());
        if !proto.opset_import.iter().any(known) {
            proto.opset_import.push(import.clone());
        }
    }
}

struct Inliner<'a> {
    functions: &'a HashMap<Key<'a>, &'a FunctionProto>,
    prefix: String,
    /// Calls replaced so far.
    calls: usize,
    /// The functions whose bodies are being put in place, each called by the one before.
    open: Vec<*const FunctionProto>,
    added: Size,
}

impl Inliner<'_> {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<(), OnnxError> {
        let nodes = std::mem::take(&mut graph.node);
        self.nodes(nodes, &mut graph.node)
    }

    fn nodes(&mut self, nodes: Vec<NodeProto>, into: &mut Vec<NodeProto>) -> Result<(), OnnxError> {
        for mut node in nodes {
            // Before the call: a subgraph that is handed to a function belongs to the caller.
            subgraphs_mut(&mut node).try_for_each(|inner| self.graph(inner))?;
            match self.functions.get(&key(&node)).copied() {
                Some(function) => self.call(&node, function, into)?,
                None => into.push(node),
            }
        }
        Ok(())
    }

    /// Puts the nodes of `function` where `node` calls it.
    fn call(&mut self, node: &NodeProto, function: &FunctionProto, into: &mut Vec<NodeProto>) -> Result<(), OnnxError> {
        if self.open.iter().any(|open| std::ptr::eq(*open, function)) {
            return Err(wrong(function, "calls itself"));
        }
        if self.open.len() >= DEEPEST {
            return Err(wrong(function, format!("is called through more than {DEEPEST} others")));
        }
        let scope = format!("{}.{}.", self.prefix, self.calls);
        self.calls += 1;
        let mut names: HashMap<&str, &str> = HashMap::new();
        for (place, formal) in function.input.iter().enumerate() {
            // What is left out of a call is left out of the nodes that would read it.
            names.insert(formal, node.input.get(place).map_or("", String::as_str));
        }
        let mut copies = Vec::new();
        for (formal, actual) in function.output.iter().zip(&node.output).filter(|(_, actual)| !actual.is_empty()) {
            match names.get(formal.as_str()) {
                // An input handed through, or one tensor under two outputs.
                Some(source) => copies.push(identity(source, actual)),
                None => {
                    names.insert(formal, actual);
                }
            }
        }
        let named = |name: &str| match names.get(name) {
            _ if name.is_empty() => String::new(),
            Some(actual) => (*actual).to_owned(),
            None => format!("{scope}{name}"),
        };
        let given = |name: &str| {
            let own = node.find_attribute(name);
            own.or_else(|| function.attribute_proto.iter().find(|default| default.name() == name))
        };
        let mut body = Vec::with_capacity(function.node.len());
        for inner in &function.node {
            let mut inner = inner.clone();
            rename(&mut inner, &named);
            bind(&mut inner, &given);
            self.added.nodes += 1;
            self.added.bytes = self.added.bytes.saturating_add(inner.encoded_len());
            if self.added.nodes > LARGEST.nodes || self.added.bytes > LARGEST.bytes {
                let most = format!("at most {} nodes and {} bytes are read", LARGEST.nodes, LARGEST.bytes);
                return Err(wrong(function, format!("makes the graph too large, put where it is called: {most}")));
            }
            body.push(inner);
        }
        self.open.push(function);
        self.nodes(body, into)?;
        self.open.pop();
        into.append(&mut copies);
        Ok(())
    }
}

fn identity(from: &str, to: &str) -> NodeProto {
    NodeProto {
        op_type: Some("Identity".to_owned()),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        ..Default::default()
    }
}

/// Names everything that a node mentions anew, its subgraphs included: a function sees nothing of what is outside.
fn rename(node: &mut NodeProto, named: &dyn Fn(&str) -> String) {
    let swap = |name: &mut String| *name = named(name);
    node.input.iter_mut().chain(&mut node.output).for_each(swap);
    for graph in subgraphs_mut(node) {
        let infos = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        infos.filter_map(|info| info.name.as_mut()).for_each(swap);
        graph.initializer.iter_mut().filter_map(|tensor| tensor.name.as_mut()).for_each(swap);
        let sparse = graph.sparse_initializer.iter_mut().filter_map(|sparse| sparse.values.as_mut());
        sparse.filter_map(|values| values.name.as_mut()).for_each(swap);
        graph.quantization_annotation.clear();
        graph.node.iter_mut().for_each(|inner| rename(inner, named));
    }
}

/// Puts the values of a call, else a function's defaults, in the place of references to its attributes. A reference that
/// neither gives leaves its attribute out. Numbers of a `Constant` become a tensor, as they stand outside functions.
fn bind<'a>(node: &mut NodeProto, given: &dyn Fn(&str) -> Option<&'a AttributeProto>) {
    node.attribute.retain_mut(|attribute| {
        let reference = attribute.ref_attr_name.take().filter(|name| !name.is_empty());
        if let Some(reference) = reference {
            let Some(value) = given(&reference) else { return false };
            *attribute = AttributeProto { name: attribute.name.take(), ..value.clone() };
            return true;
        }
        let graphs = attribute.g.iter_mut().chain(&mut attribute.graphs);
        graphs.flat_map(|graph| &mut graph.node).for_each(|inner| bind(inner, given));
        true
    });
    if node.is_op("Constant")
        && let [number] = node.attribute.as_slice()
        && let Some(value) = constant_value(number)
    {
        node.attribute = vec![attribute::tensor("value", value)];
    }
}

/// The tensor that a number, or a list of them, stands for.
fn constant_value(number: &AttributeProto) -> Option<TensorProto> {
    let name = "";
    match number.name() {
        "value_float" => Some(TensorProto::from_f32(name, &[], &[number.f()])),
        "value_floats" => Some(TensorProto::from_f32(name, &[number.floats.len()], &number.floats)),
        "value_int" => Some(TensorProto::from_i64(name, &[], &[number.i()])),
        "value_ints" => Some(TensorProto::from_i64(name, &[number.ints.len()], &number.ints)),
        _ => None,
    }
}
