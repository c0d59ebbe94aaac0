//! Which initializers of a graph are parameters, and where they belong.
//!
//! Names do not tell: exporters call a transposed weight `onnx::MatMul_214`, and a table of angles may have a module's name. What an
//! initializer is shows in what reads it.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::graph::{Producers, reads};
use crate::interface::Interface;
use crate::proto::tensor_proto::DataType;
use crate::proto::{GraphProto, NodeProto, TensorProto};
use crate::{Model, OnnxError};

/// An initializer that is a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphParameter {
    /// The name in the graph.
    pub name: String,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The part of the encoder that reads it.
    pub part: GraphPart,
}

/// The part of an encoder that a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphPart {
    /// What comes before the first layer.
    Embeddings,
    /// Layers from 0: the first that reads it, and the last, which is another where layers share it.
    Layers(usize, usize),
    /// What the token vectors do not depend on: the pooler.
    Pooler,
}

/// Operators that hand the values of their first input on.
const LAYOUT: [&str; 12] = [
    "Identity",
    "Cast",
    "CastLike",
    "Reshape",
    "Flatten",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Expand",
    "Dropout",
    "Tile",
    "Concat",
];

/// Operators that hand some of the values of their first input on, by place.
const BY_PLACE: [&str; 2] = ["Slice", "Split"];

/// Operators that hand some of the values of their first input on, by number.
const BY_NUMBER: [&str; 3] = ["Gather", "GatherElements", "GatherND"];

/// Operators whose constants are parameters.
const LEARNED: [&str; 24] = [
    "MatMul",
    "Gemm",
    "Einsum",
    "Conv",
    "FusedMatMul",
    "FusedGemm",
    "FusedConv",
    "LayerNormalization",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
    "RMSNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "BatchNormalization",
    "EmbedLayerNormalization",
    "BiasGelu",
    "FastGelu",
    "PRelu",
    "Attention",
    "MultiHeadAttention",
    "GroupQueryAttention",
    "PackedAttention",
    "PackedMultiHeadAttention",
];

/// Operators that give the angles of rotary and sinusoidal positions.
const ANGLES: [&str; 2] = ["Sin", "Cos"];

/// What is added and larger is a mask. Below 65504, which is as far as half precision reaches.
const MASKED: f32 = 1e4;

/// Finds the parameters that the outputs of a model depend on.
///
/// # Errors
/// Those of reading tensors, and of a graph that is not well formed.
pub(super) fn find(model: &Model, interface: &Interface) -> Result<Vec<GraphParameter>, OnnxError> {
    let graph = model.graph();
    let use_of = Uses::of(graph, interface)?;
    let parts = Parts::of(graph, interface)?;
    let mut parameters = Vec::new();
    for tensor in &graph.initializer {
        if tensor.data_type() != DataType::Float as i32
            || tensor.element_count()? < 2
            || !use_of.is_parameter(tensor)?
        {
            continue;
        }
        let part = parts.of_parameter(&use_of, tensor.name());
        parameters.push(GraphParameter { name: tensor.name().to_owned(), shape: tensor.shape()?, part });
    }
    Ok(parameters)
}

/// How the values of an initializer have come to where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Way {
    /// By the numbers of tokens or their types.
    by_token: bool,
    /// By places, whatever stands there.
    by_place: bool,
}

/// The readers of each tensor, and what tensors depend on.
struct Uses<'a> {
    graph: &'a GraphProto,
    readers: HashMap<&'a str, Vec<usize>>,
    /// Tensors whose values do not depend on any input, nor on an input's shape.
    constant: HashSet<&'a str>,
    /// Tensors whose values depend on the numbers of tokens or their types.
    tokens: HashSet<&'a str>,
    /// Nodes whose results become angles, and nothing but angles.
    angles: HashSet<usize>,
}

impl<'a> Uses<'a> {
    fn of(graph: &'a GraphProto, interface: &Interface) -> Result<Self, OnnxError> {
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, node) in graph.node.iter().enumerate() {
            for name in node.input.iter().filter(|name| !name.is_empty()) {
                readers.entry(name).or_default().push(place);
            }
        }
        let mut tokens: HashSet<&str> = HashSet::from([interface.input_ids.name.as_str()]);
        tokens.extend(interface.token_type_ids.as_ref().map(|input| input.name.as_str()));
        let tokens: HashSet<&str> =
            graph.input.iter().map(|input| input.name()).filter(|name| tokens.contains(name)).collect();
        let fed: HashSet<&str> = graph.input.iter().map(|input| input.name()).collect();
        let mut uses = Self { graph, readers, constant: HashSet::new(), tokens, angles: HashSet::new() };
        let mut varying = fed;
        for place in crate::graph::topological_order(graph)? {
            let node = &graph.node[place];
            let names = reads(node);
            let outputs = || node.output.iter().map(String::as_str).filter(|name| !name.is_empty());
            let any = |set: &HashSet<&str>| names.iter().any(|name| set.contains(name.as_str()));
            if any(&uses.tokens) && !matches!(node.op_type(), "Shape" | "Size") {
                uses.tokens.extend(outputs());
            }
            if any(&varying) {
                varying.extend(outputs());
            } else {
                uses.constant.extend(outputs());
            }
        }
        uses.constant.extend(graph.initializer.iter().map(|tensor| tensor.name()));
        uses.angles = turned(graph);
        Ok(uses)
    }

    /// Does any use of it show that it was learned?
    fn is_parameter(&self, tensor: &TensorProto) -> Result<bool, OnnxError> {
        let axes: Vec<i64> = tensor.dims.iter().copied().filter(|&dim| dim > 1).collect();
        let mut open: VecDeque<(&str, Way)> = VecDeque::from([(tensor.name(), Way::default())]);
        let mut seen: HashSet<(&str, Way)> = HashSet::new();
        while let Some((name, way)) = open.pop_front() {
            if !seen.insert((name, way)) {
                continue;
            }
            for &place in self.readers.get(name).into_iter().flatten() {
                let node = &self.graph.node[place];
                if self.angles.contains(&place) || ANGLES.contains(&node.op_type()) {
                    continue;
                }
                match self.read_by(node, name, way, &axes) {
                    Use::Learned => return Ok(true),
                    // What is added may be a mask.
                    Use::Added => {
                        let values = tensor.floats()?;
                        if values.iter().all(|value| value.abs() < MASKED) {
                            return Ok(true);
                        }
                    }
                    Use::HandedOn(way) => {
                        open.extend(
                            node.output.iter().filter(|name| !name.is_empty()).map(|name| (name.as_str(), way)),
                        );
                    }
                    Use::Other => {}
                }
            }
        }
        Ok(false)
    }

    /// What a node does with the values of an initializer of so many axes, which come to it that way.
    fn read_by(&self, node: &NodeProto, name: &str, way: Way, axes: &[i64]) -> Use {
        let op_type = node.op_type();
        let is_first = node.input.first().is_some_and(|first| first == name);
        let others = || node.input.iter().filter(|input| *input != name && !input.is_empty());
        let of_tokens = || others().any(|input| self.tokens.contains(input.as_str()));
        let of_constants = others().all(|input| self.constant.contains(input.as_str()));
        match op_type {
            _ if LAYOUT.contains(&op_type) && (is_first || op_type == "Concat") => Use::HandedOn(way),
            _ if BY_PLACE.contains(&op_type) && is_first => {
                Use::HandedOn(Way { by_place: !of_constants || way.by_place, ..way })
            }
            _ if BY_NUMBER.contains(&op_type) && is_first => {
                let by_token = node.input.get(1).is_some_and(|numbers| self.tokens.contains(numbers.as_str()));
                let by_place = !by_token && !of_constants;
                Use::HandedOn(Way { by_token: way.by_token || by_token, by_place: way.by_place || by_place })
            }
            _ if LEARNED.contains(&op_type) => Use::Learned,
            // Added to what is computed of tokens: among themselves, places are numbers to count distances with.
            "Add" | "Sub" | "Sum" if of_tokens() && axes.len() <= 2 => Use::Added,
            "Add" | "Sub" | "Sum" if !of_tokens() => Use::HandedOn(way),
            "Mul" | "Div" if of_constants => Use::HandedOn(way),
            // A table by place that is multiplied with is one of angles.
            "Mul" if way.by_place => Use::Other,
            // One factor a feature, of what is computed of tokens: slopes by which distances count are none.
            "Mul" if way.by_token || axes.len() == 1 => {
                if way.by_token || of_tokens() {
                    Use::Learned
                } else {
                    Use::Other
                }
            }
            _ => Use::Other,
        }
    }
}

/// The nodes whose values become angles; those whose shapes alone do are none.
fn turned(graph: &GraphProto) -> HashSet<usize> {
    let makers: HashMap<&str, usize> = (graph.node.iter().enumerate())
        .flat_map(|(place, node)| node.output.iter().map(move |name| (name.as_str(), place)))
        .collect();
    let is_angle = |node: &&NodeProto| ANGLES.contains(&node.op_type());
    let mut open: Vec<&str> =
        graph.node.iter().filter(is_angle).flat_map(|node| &node.input).map(String::as_str).collect();
    let mut found = HashSet::new();
    while let Some(name) = open.pop() {
        let Some(&place) = makers.get(name) else { continue };
        let node = &graph.node[place];
        if !matches!(node.op_type(), "Shape" | "Size") && found.insert(place) {
            open.extend(node.input.iter().map(String::as_str));
        }
    }
    found
}

/// What a node does with the values of an initializer.
enum Use {
    /// It computes with them as with what was learned.
    Learned,
    /// It adds them.
    Added,
    /// Its outputs hold them, come that way.
    HandedOn(Way),
    /// Anything else.
    Other,
}

/// The part of the encoder that each node belongs to.
struct Parts {
    /// The number of the first hidden state that depends on a node; none of the pooler's.
    state: HashMap<usize, usize>,
}

impl Parts {
    fn of(graph: &GraphProto, interface: &Interface) -> Result<Self, OnnxError> {
        let producers = Producers::of(graph)?;
        let token = interface.token_output.iter().map(|output| output.name.as_str());
        let states: Vec<&str> = match interface.hidden_states.as_slice() {
            [] => token.collect(),
            states => states.iter().map(String::as_str).collect(),
        };
        let mut state = HashMap::new();
        for (number, name) in states.iter().enumerate() {
            for place in producers.ancestors(&[name]).0 {
                state.entry(place).or_insert(number);
            }
        }
        Ok(Self { state })
    }

    fn of_parameter(&self, uses: &Uses<'_>, name: &str) -> GraphPart {
        let readers = uses.readers.get(name).into_iter().flatten();
        let states: Vec<usize> = readers.filter_map(|place| self.state.get(place).copied()).collect();
        match (states.iter().min(), states.iter().max()) {
            (Some(0), _) => GraphPart::Embeddings,
            (Some(&first), Some(&last)) => GraphPart::Layers(first - 1, last - 1),
            _ => GraphPart::Pooler,
        }
    }
}
