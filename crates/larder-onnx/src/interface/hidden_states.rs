//! Finds the output of each layer from the graph's shape.
//!
//! Everything that an encoder knows of a text goes through the output of each layer: attention reads it, and the
//! residual connection passes it on, but nothing goes around it. So a layer's output is a *dominator*: a tensor that lies on
//! every path from the token table to the output, and the last such tensor before an attention block is what that block
//! reads. This needs neither names nor knowledge of how an exporter writes a normalisation: whether as one
//! `LayerNormalization` or as `ReduceMean`, `Sub`, `Pow`, `Sqrt`, `Div`, `Mul`, `Add`, the paths part and meet again.

use std::collections::{HashMap, HashSet};

use crate::Model;
use crate::graph::{Producers, reads, topological_order};
use crate::proto::NodeProto;

/// Operators that mark an attention block: the softmax over scores, or an operator that contains one.
pub(super) const ATTENTION: [&str; 8] = [
    "Softmax",
    "Attention",
    "MultiHeadAttention",
    "GroupQueryAttention",
    "PackedAttention",
    "PackedMultiHeadAttention",
    "QAttention",
    "LongformerAttention",
];

/// Operators that pass a tensor's shape on and nothing of its values.
const SHAPES: [&str; 2] = ["Shape", "Size"];

/// Tensors that may stand for one layer: between the last addition and the next block there may be a change of type or
/// shape, rarely more than one.
const CANDIDATES: usize = 4;

/// Returns for the embeddings and for each layer the tensors that may be its output, nearest to the next block first;
/// else the reason why there are none. They lie between the lookup in the token table (the tensors `embedded`) and
/// `output`. All candidates of one layer hold the same values in another shape or type, or are a step on the path to
/// it.
pub(super) fn find(
    model: &Model,
    producers: &Producers<'_>,
    embedded: &HashSet<&str>,
    output: &str,
) -> Result<Vec<Vec<String>>, String> {
    let graph = model.graph();
    let (needed, _) = producers.ancestors(&[output]);
    let order = topological_order(graph).map_err(|problem| problem.to_string())?;
    // The nodes on the way, in an order in which each comes after what it reads, and the place of each tensor's maker.
    let mut path = DataPath::default();
    let mut attention: Vec<usize> = Vec::new();
    for node in order.into_iter().filter(|position| needed.contains(position)).filter_map(|at| graph.node.get(at)) {
        let starts = node.output.iter().any(|name| embedded.contains(name.as_str()));
        let outputs = node.output.iter().map(String::as_str).filter(|name| !name.is_empty());
        if starts {
            // A fused lookup gives more than the vectors: its other outputs come from the mask.
            path.push(node, outputs.filter(|name| embedded.contains(name)));
            path.last_start = path.nodes.len() - 1;
        } else if !SHAPES.contains(&node.op_type()) && path.reads(node) {
            if ATTENTION.contains(&node.op_type()) {
                attention.push(path.nodes.len());
            }
            path.push(node, outputs);
        }
    }
    let Some(&last) = path.makers.get(output) else {
        return Err(format!("{output:?} is not computed from the token table"));
    };
    if let Some(name) = path.nodes[last].outputs.iter().find(|name| **name == output) {
        path.nodes[last].consumed = HashSet::from([*name]);
    }
    if attention.is_empty() {
        return Err("no attention block was found in the graph".to_owned());
    }
    let through = path.dominators(last);
    let mut states: Vec<Vec<String>> = Vec::new();
    let mut before = 0;
    for block in attention.into_iter().filter(|&block| block < last) {
        let candidates = through.iter().rev().filter(|(place, _)| (before..block).contains(place));
        let candidates: Vec<String> = candidates.take(CANDIDATES).map(|(_, name)| (*name).to_owned()).collect();
        match (candidates.is_empty(), states.is_empty()) {
            (true, true) => return Err("no single tensor is what the first attention block reads".to_owned()),
            // A block may hold several softmaxes.
            (true, false) => {}
            (false, _) => states.push(candidates),
        }
        before = block;
    }
    states.push(vec![output.to_owned()]);
    Ok(states)
}

/// The nodes on the paths from the token table to an output, in order.
#[derive(Default)]
struct DataPath<'a> {
    nodes: Vec<PathNode<'a>>,
    /// The position of each tensor's producer.
    makers: HashMap<&'a str, usize>,
    /// The position of the last lookup.
    last_start: usize,
}

struct PathNode<'a> {
    outputs: Vec<&'a str>,
    /// Those of its outputs that a node on the path reads.
    consumed: HashSet<&'a str>,
    /// The furthest position that reads any of its outputs.
    furthest: usize,
    /// Left over from training; made an output, it would be random.
    dropout: bool,
}

impl<'a> DataPath<'a> {
    /// Returns true if the node reads a tensor of the data path.
    fn reads(&self, node: &NodeProto) -> bool {
        reads(node).iter().any(|name| self.makers.contains_key(name.as_str()))
    }

    fn push(&mut self, node: &'a NodeProto, outputs: impl Iterator<Item = &'a str>) {
        let place = self.nodes.len();
        for name in reads(node) {
            if let Some((&name, &maker)) = self.makers.get_key_value(name.as_str()) {
                self.nodes[maker].consumed.insert(name);
                self.nodes[maker].furthest = place;
            }
        }
        let outputs: Vec<&str> = outputs.collect();
        self.makers.extend(outputs.iter().map(|&name| (name, place)));
        self.nodes.push(PathNode {
            outputs,
            consumed: HashSet::new(),
            furthest: place,
            dropout: node.is_op("Dropout"),
        });
    }

    /// Returns the dominators of `last`: position and name of each tensor that no path to it goes around, in order.
    fn dominators(&self, last: usize) -> Vec<(usize, &'a str)> {
        let mut reach = self.last_start;
        let mut found = Vec::new();
        for (number, node) in self.nodes.iter().enumerate().take(last + 1) {
            // Two tensors from one node are two ways.
            let usable = reach <= number && !node.dropout;
            if let (true, [name]) = (usable, node.consumed.iter().copied().collect::<Vec<_>>().as_slice()) {
                found.push((number, *name));
            }
            reach = reach.max(node.furthest);
        }
        found
    }
}
