//! The structure of a graph: producers, order, ancestors, pruning, renaming.

use std::collections::{HashMap, HashSet, VecDeque};

use larder_errors::listed;

use crate::OnnxError;
use crate::proto::tensor_proto::DataType;
use crate::proto::{GraphProto, NodeProto, TensorProto};

/// The origin of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TensorSource<'a> {
    Input,
    Initializer(&'a TensorProto),
    SparseInitializer,
    /// A node, by its position.
    Node(usize),
}

/// Steps of arithmetic between a stored tensor and its use: few, since dequantisation takes four.
const LONGEST_ARITHMETIC: usize = 12;

/// The size of each axis.
fn sizes(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect()
}

/// The shape of a sum of tensors of these shapes.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    let of = |axis: usize| match (at(a, axis), at(b, axis)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    };
    (0..rank).map(of).collect()
}

/// `dims` in the shape that `Reshape` is given: 0 copies an axis, one -1 is worked out.
fn reshaped(dims: &[usize], shape: &[i64]) -> Option<Vec<usize>> {
    let axis = |(place, &size): (usize, &i64)| match size {
        0 => dims.get(place).copied(),
        -1 => Some(1),
        size => usize::try_from(size).ok(),
    };
    let mut new = shape.iter().enumerate().map(axis).collect::<Option<Vec<_>>>()?;
    let count = |dims: &[usize]| dims.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if let Some(open) = shape.iter().position(|&size| size == -1) {
        new[open] = count(dims)?.checked_div(count(&new)?)?;
    }
    Some(new)
}

/// The producer of each tensor of a graph.
pub(crate) struct Producers<'a> {
    graph: &'a GraphProto,
    sources: HashMap<&'a str, TensorSource<'a>>,
}

impl<'a> Producers<'a> {
    /// # Errors
    /// [`OnnxError::DuplicateTensor`]. An initializer may carry an input's name: it is the input's default.
    pub fn of(graph: &'a GraphProto) -> Result<Self, OnnxError> {
        let mut sources: HashMap<&str, TensorSource> = HashMap::new();
        for input in &graph.input {
            if sources.insert(input.name(), TensorSource::Input).is_some() {
                return Err(duplicate(input.name(), "an input".to_owned(), "an input".to_owned()));
            }
        }
        for tensor in &graph.initializer {
            if let Some(TensorSource::Initializer(_)) = sources.insert(tensor.name(), TensorSource::Initializer(tensor))
            {
                return Err(duplicate(tensor.name(), "an initializer".to_owned(), "an initializer".to_owned()));
            }
        }
        for tensor in &graph.sparse_initializer {
            let name = tensor.values.as_ref().map_or("", TensorProto::name);
            sources.insert(name, TensorSource::SparseInitializer);
        }
        for (position, node) in graph.node.iter().enumerate() {
            // An empty name leaves out an optional output.
            for output in node.output.iter().filter(|name| !name.is_empty()) {
                if let Some(first) = sources.insert(output, TensorSource::Node(position)) {
                    let first = match first {
                        TensorSource::Node(other) => format!("node {:?}", label(graph, other)),
                        TensorSource::Input => "an input".to_owned(),
                        TensorSource::Initializer(_) | TensorSource::SparseInitializer => "an initializer".to_owned(),
                    };
                    return Err(duplicate(output, first, format!("node {:?}", label(graph, position))));
                }
            }
        }
        Ok(Self { graph, sources })
    }

    pub fn source(&self, tensor: &str) -> Option<TensorSource<'a>> {
        self.sources.get(tensor).copied()
    }

    /// The place of the node that makes `tensor`.
    pub fn place(&self, tensor: &str) -> Option<usize> {
        match self.source(tensor)? {
            TensorSource::Node(position) => Some(position),
            _ => None,
        }
    }

    /// The node that makes `tensor`.
    pub fn node(&self, tensor: &str) -> Option<&'a NodeProto> {
        match self.source(tensor)? {
            TensorSource::Node(position) => self.graph.node.get(position),
            _ => None,
        }
    }

    /// The constant behind a name: an initializer or the value of a `Constant` node, also through `Identity`, `Cast`
    /// and `DequantizeLinear`, which leave its shape alone.
    pub fn constant(&self, tensor: &str) -> Option<&'a TensorProto> {
        let mut name = tensor.to_owned();
        // A chain without a cycle is no longer than the graph.
        for _ in 0..=self.graph.node.len() {
            match self.source(&name)? {
                TensorSource::Initializer(tensor) => return Some(tensor),
                TensorSource::Node(position) => {
                    let node = self.graph.node.get(position)?;
                    match node.op_type() {
                        "Constant" => return node.find_attribute("value")?.t.as_ref(),
                        "Identity" | "Cast" | "DequantizeLinear" => name = node.input.first()?.clone(),
                        _ => return None,
                    }
                }
                TensorSource::Input | TensorSource::SparseInitializer => return None,
            }
        }
        None
    }

    /// Element type and size of each axis of a tensor that is made of constants alone: stored ones, and what comes of them by
    /// changes of type and shape and by the arithmetic of dequantisation, `(q - zero) * scale`. `None` for any other.
    pub fn constant_shape(&self, tensor: &str) -> Option<(i32, Vec<usize>)> {
        self.shape_within(tensor, LONGEST_ARITHMETIC)
    }

    fn shape_within(&self, tensor: &str, steps: usize) -> Option<(i32, Vec<usize>)> {
        if let Some(TensorSource::Initializer(stored)) = self.source(tensor) {
            return Some((stored.data_type(), sizes(stored)?));
        }
        let (node, steps) = (self.node(tensor)?, steps.checked_sub(1)?);
        let input = |place: usize| self.shape_within(node.input.get(place)?, steps);
        let integers = |place: usize| {
            let stored = self.constant(node.input.get(place)?)?;
            Some(stored.integers().ok()?.into_owned())
        };
        match node.op_type() {
            "Constant" => {
                let stored = node.find_attribute("value")?.t.as_ref()?;
                Some((stored.data_type(), sizes(stored)?))
            }
            "Identity" | "Neg" => input(0),
            "Cast" => Some((i32::try_from(node.int_attribute("to", 0)).ok()?, input(0)?.1)),
            "DequantizeLinear" => Some((DataType::Float as i32, input(0)?.1)),
            "QuantizeLinear" => Some((DataType::Int8 as i32, input(0)?.1)),
            "Mul" | "Add" | "Sub" | "Div" => {
                let ((dtype, a), (_, b)) = (input(0)?, input(1)?);
                Some((dtype, broadcast(&a, &b)?))
            }
            "Transpose" => {
                let (dtype, dims) = input(0)?;
                let order = node.find_attribute("perm").map(|order| order.ints.clone());
                let order = order.unwrap_or_else(|| (0..dims.len() as i64).rev().collect());
                let turned = order.iter().map(|&axis| dims.get(usize::try_from(axis).ok()?).copied());
                Some((dtype, turned.collect::<Option<_>>()?))
            }
            "Reshape" => {
                let (dtype, dims) = input(0)?;
                Some((dtype, reshaped(&dims, &integers(1)?)?))
            }
            "Unsqueeze" => {
                let (dtype, mut dims) = input(0)?;
                let axes = node.find_attribute("axes").map(|axes| axes.ints.clone()).or_else(|| integers(1))?;
                let rank = (dims.len() + axes.len()) as i64;
                let mut axes: Vec<i64> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
                axes.sort_unstable();
                for axis in axes {
                    let axis = usize::try_from(axis).ok().filter(|&axis| axis <= dims.len())?;
                    dims.insert(axis, 1);
                }
                Some((dtype, dims))
            }
            _ => None,
        }
    }

    /// Positions of all nodes that `tensors` are computed from, and the names of all tensors on the way.
    pub fn ancestors(&self, tensors: &[&str]) -> (HashSet<usize>, HashSet<String>) {
        let mut nodes = HashSet::new();
        let mut names: HashSet<String> = HashSet::new();
        let mut open: Vec<String> = tensors.iter().map(|&name| name.to_owned()).collect();
        while let Some(name) = open.pop() {
            if let Some(TensorSource::Node(position)) = self.source(&name)
                && nodes.insert(position)
            {
                open.extend(reads(&self.graph.node[position]));
            }
            names.insert(name);
        }
        (nodes, names)
    }
}

/// A node's name, else what tells it apart.
pub(crate) fn label(graph: &GraphProto, position: usize) -> String {
    match graph.node.get(position) {
        Some(node) if !node.name().is_empty() => node.name().to_owned(),
        Some(node) => format!("#{position} {}", node.op_type()),
        None => format!("#{position}"),
    }
}

fn duplicate(tensor: &str, first: String, second: String) -> OnnxError {
    OnnxError::DuplicateTensor { tensor: tensor.to_owned(), first, second }
}

/// Returns every tensor that a node reads: its inputs, and the outer tensors of the graphs inside it (`If`, `Loop`,
/// `Scan`).
pub(crate) fn reads(node: &NodeProto) -> Vec<String> {
    let mut names: Vec<String> = node.input.iter().filter(|name| !name.is_empty()).cloned().collect();
    for attribute in &node.attribute {
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            let mut own: HashSet<&str> = graph.input.iter().map(|input| input.name()).collect();
            own.extend(graph.initializer.iter().map(|tensor| tensor.name()));
            own.extend(graph.node.iter().flat_map(|inner| inner.output.iter().map(String::as_str)));
            let inner = graph.node.iter().flat_map(reads);
            let passed = graph.output.iter().map(|output| output.name().to_owned());
            names.extend(inner.chain(passed).filter(|name| !own.contains(name.as_str())));
        }
    }
    names
}

/// Positions of the nodes in an order in which each comes after what it reads, otherwise as they stand.
///
/// # Errors
/// [`OnnxError::DuplicateTensor`], [`OnnxError::DanglingInput`], [`OnnxError::Cycle`].
pub(crate) fn topological_order(graph: &GraphProto) -> Result<Vec<usize>, OnnxError> {
    let producers = Producers::of(graph)?;
    let mut waits_for = vec![0_usize; graph.node.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (position, node) in graph.node.iter().enumerate() {
        for tensor in reads(node) {
            match producers.source(&tensor) {
                Some(TensorSource::Node(producer)) => {
                    feeds[producer].push(position);
                    waits_for[position] += 1;
                }
                Some(_) => {}
                None => {
                    return Err(OnnxError::DanglingInput {
                        node: label(graph, position),
                        op_type: node.op_type().to_owned(),
                        tensor,
                    });
                }
            }
        }
    }
    let mut ready: VecDeque<usize> = (0..graph.node.len()).filter(|&position| waits_for[position] == 0).collect();
    let mut order = Vec::with_capacity(graph.node.len());
    while let Some(position) = ready.pop_front() {
        order.push(position);
        for &next in &feeds[position] {
            waits_for[next] -= 1;
            if waits_for[next] == 0 {
                ready.push_back(next);
            }
        }
    }
    if order.len() < graph.node.len() {
        let stuck = (0..graph.node.len()).filter(|&position| waits_for[position] > 0);
        return Err(OnnxError::Cycle { nodes: listed(stuck.map(|position| label(graph, position))) });
    }
    Ok(order)
}

/// Keeps what the tensors `wanted` need: nodes, initializers and shape hints. Inputs stay, read or not.
///
/// # Errors
/// [`OnnxError::DuplicateTensor`] from a graph that is not well formed.
pub(crate) fn prune(graph: &mut GraphProto, wanted: &[&str]) -> Result<(), OnnxError> {
    let (nodes, names) = Producers::of(graph)?.ancestors(wanted);
    let mut position = 0;
    graph.node.retain(|_| {
        position += 1;
        nodes.contains(&(position - 1))
    });
    graph.initializer.retain(|tensor| names.contains(tensor.name()));
    graph
        .sparse_initializer
        .retain(|tensor| tensor.values.as_ref().is_some_and(|values| names.contains(values.name())));
    graph.value_info.retain(|info| names.contains(info.name()));
    graph.quantization_annotation.retain(|note| names.contains(note.tensor_name()));
    Ok(())
}

/// Gives a tensor another name wherever it is mentioned, graphs inside nodes included.
pub(crate) fn rename_tensor(graph: &mut GraphProto, from: &str, to: &str) {
    let swap = |name: &mut String| {
        if name == from {
            to.clone_into(name);
        }
    };
    for node in &mut graph.node {
        node.input.iter_mut().for_each(swap);
        node.output.iter_mut().for_each(swap);
        for attribute in &mut node.attribute {
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                rename_tensor(inner, from, to);
            }
        }
    }
    for info in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
        info.name.iter_mut().for_each(swap);
    }
    for tensor in &mut graph.initializer {
        tensor.name.iter_mut().for_each(swap);
    }
    for tensor in graph.sparse_initializer.iter_mut().filter_map(|sparse| sparse.values.as_mut()) {
        tensor.name.iter_mut().for_each(swap);
    }
    for note in &mut graph.quantization_annotation {
        note.tensor_name.iter_mut().for_each(swap);
    }
}
