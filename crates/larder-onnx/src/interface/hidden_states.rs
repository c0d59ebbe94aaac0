//! Where each layer ends, read off the graph's shape.
//!
//! Everything that an encoder knows of a text goes through the output of each layer: attention reads it, and the
//! residual connection passes it on, but nothing goes around it. So a layer's output is a tensor that lies on *every*
//! path from the token table to the output, and the last such tensor before an attention block is what that block
//! reads. This needs neither names nor knowledge of how an exporter writes a normalisation: whether as one
//! `LayerNormalization` or as `ReduceMean`, `Sub`, `Pow`, `Sqrt`, `Div`, `Mul`, `Add`, the paths part and meet again.

use std::collections::{HashMap, HashSet};

use crate::Model;
use crate::graph::{Producers, reads, topological_order};
use crate::proto::NodeProto;

/// What marks an attention block: a softmax over scores, or an operator that holds one.
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

/// For the embeddings and for each layer the tensors that may be its output, nearest to the next block first, from the
/// lookup in the token table (the tensors `embedded`) to `output`; else why there are none. All of one layer hold the same
/// in another shape or type, or a step on the way to it.
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
    let mut way = Way::default();
    let mut attention: Vec<usize> = Vec::new();
    for node in order.into_iter().filter(|position| needed.contains(position)).filter_map(|at| graph.node.get(at)) {
        let starts = node.output.iter().any(|name| embedded.contains(name.as_str()));
        let made = node.output.iter().map(String::as_str).filter(|name| !name.is_empty());
        if starts {
            // A fused lookup gives more than the vectors: its other outputs come from the mask.
            way.push(node, made.filter(|name| embedded.contains(name)));
            way.last_start = way.places.len() - 1;
        } else if !SHAPES.contains(&node.op_type()) && way.reads(node) {
            if ATTENTION.contains(&node.op_type()) {
                attention.push(way.places.len());
            }
            way.push(node, made);
        }
    }
    let Some(&last) = way.makers.get(output) else {
        return Err(format!("{output:?} is not computed from the token table"));
    };
    if let Some(name) = way.places[last].made.iter().find(|name| **name == output) {
        way.places[last].read = HashSet::from([*name]);
    }
    if attention.is_empty() {
        return Err("no attention block was found in the graph".to_owned());
    }
    let through = way.on_every_path(last);
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

/// The nodes on the way from the token table to an output.
#[derive(Default)]
struct Way<'a> {
    places: Vec<Place<'a>>,
    /// The place of each tensor's maker.
    makers: HashMap<&'a str, usize>,
    /// The place of the last lookup.
    last_start: usize,
}

struct Place<'a> {
    made: Vec<&'a str>,
    /// What of it is read on the way.
    read: HashSet<&'a str>,
    /// The furthest place that reads any of it.
    furthest: usize,
    /// Left over from training; made an output, it would be random.
    dropout: bool,
}

impl<'a> Way<'a> {
    /// Is anything that the node reads on the way?
    fn reads(&self, node: &NodeProto) -> bool {
        reads(node).iter().any(|name| self.makers.contains_key(name.as_str()))
    }

    fn push(&mut self, node: &'a NodeProto, made: impl Iterator<Item = &'a str>) {
        let place = self.places.len();
        for name in reads(node) {
            if let Some((&name, &maker)) = self.makers.get_key_value(name.as_str()) {
                self.places[maker].read.insert(name);
                self.places[maker].furthest = place;
            }
        }
        let made: Vec<&str> = made.collect();
        self.makers.extend(made.iter().map(|&name| (name, place)));
        self.places.push(Place { made, read: HashSet::new(), furthest: place, dropout: node.is_op("Dropout") });
    }

    /// Place and name of each tensor that nothing on the way to `last` goes around, in order.
    fn on_every_path(&self, last: usize) -> Vec<(usize, &'a str)> {
        let mut reach = self.last_start;
        let mut found = Vec::new();
        for (number, place) in self.places.iter().enumerate().take(last + 1) {
            // Two tensors from one node are two ways.
            let usable = reach <= number && !place.dropout;
            if let (true, [name]) = (usable, place.read.iter().copied().collect::<Vec<_>>().as_slice()) {
                found.push((number, *name));
            }
            reach = reach.max(place.furthest);
        }
        found
    }
}
