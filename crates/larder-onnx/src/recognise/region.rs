//! Parts of a graph between two tensors.

use std::collections::{HashMap, HashSet};

use super::constants::{Constant, constant, constant_size};
use crate::graph::{Producers, TensorSource, topological_order};
use crate::proto::NodeProto;
use crate::proto::tensor_proto::DataType;
use crate::{Model, OnnxError};

/// Operators that pass values on, in another shape, type or order of axes perhaps.
const PASSING: [&str; 9] =
    ["Reshape", "Identity", "Cast", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Dropout", "Expand"];

/// Operators that hold quantised weights or make quantised activations.
const QUANTISED: [&str; 10] = [
    "DynamicQuantizeLinear",
    "DequantizeLinear",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
    "QAttention",
    "QLinearMatMul",
    "MatMulNBits",
    "MatMulBnb4",
    "QEmbedLayerNormalization",
];

/// A graph with who reads what.
pub(super) struct Wiring<'a> {
    pub producers: &'a Producers<'a>,
    nodes: &'a [NodeProto],
    readers: HashMap<&'a str, Vec<usize>>,
    /// The place of each node in an order in which each comes after what it reads.
    places: HashMap<usize, usize>,
}

/// A product with a constant matrix.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    /// The node.
    pub node: usize,
    /// `[out, in]`.
    pub weight: Constant,
    /// `[out]`; zeros where nothing is added.
    pub bias: Constant,
}

impl<'a> Wiring<'a> {
    pub fn of(model: &'a Model, producers: &'a Producers<'a>) -> Result<Self, OnnxError> {
        let graph = model.graph();
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (position, node) in graph.node.iter().enumerate() {
            for input in node.input.iter().filter(|input| !input.is_empty()) {
                readers.entry(input).or_default().push(position);
            }
        }
        let places = topological_order(graph)?.into_iter().enumerate().map(|(place, node)| (node, place)).collect();
        Ok(Self { producers, nodes: &graph.node, readers, places })
    }

    pub fn is_quantised(&self) -> bool {
        self.nodes.iter().any(|node| QUANTISED.contains(&node.op_type()) || self.widens_integers(node))
    }

    /// Does a node make floats of a stored matrix of 8-bit integers, which a factor follows?
    fn widens_integers(&self, node: &NodeProto) -> bool {
        let stored = node.input.first().and_then(|name| self.producers.source(name));
        let Some(TensorSource::Initializer(tensor)) = stored else { return false };
        let is_in = |kinds: &[DataType], kind: i32| kinds.iter().any(|known| *known as i32 == kind);
        node.op_type() == "Cast"
            && tensor.dims.len() > 1
            && is_in(&[DataType::Int8, DataType::Uint8], tensor.data_type())
            && is_in(&[DataType::Float, DataType::Float16], node.int_attribute("to", 0) as i32)
    }

    pub fn node(&self, position: usize) -> &'a NodeProto {
        &self.nodes[position]
    }

    /// The constant that an input of a node is.
    pub fn constant(&self, node: &NodeProto, input: usize) -> Option<Constant> {
        constant(self.producers, node.input.get(input).filter(|name| !name.is_empty())?)
    }

    /// Returns the nodes that `to` is computed from and `from` is not, each after its inputs. A node that only a
    /// tensor's shape is taken from does not count.
    pub fn between(&self, from: &[&str], to: &str) -> Vec<usize> {
        let mut found = HashSet::new();
        let mut open = vec![to];
        while let Some(name) = open.pop() {
            if from.contains(&name) {
                continue;
            }
            if let Some(TensorSource::Node(position)) = self.producers.source(name)
                && !matches!(self.nodes[position].op_type(), "Shape" | "Size")
                // Fused embeddings hand the mask on as well, which layers read past the vectors.
                && (from.is_empty() || self.nodes[position].op_type() != "EmbedLayerNormalization")
                && found.insert(position)
            {
                open.extend(self.nodes[position].input.iter().map(String::as_str).filter(|name| !name.is_empty()));
            }
        }
        let mut found: Vec<usize> = found.into_iter().collect();
        found.sort_by_key(|node| self.places.get(node));
        found
    }

    /// Returns the products with constant matrices among these nodes.
    pub fn linears(&self, nodes: &[usize]) -> Vec<Linear> {
        nodes.iter().filter_map(|&position| self.linear(position)).collect()
    }

    fn linear(&self, position: usize) -> Option<Linear> {
        let node = self.node(position);
        let size = || constant_size(self.producers, node.input.get(1)?);
        let unit = |name: &str| node.find_attribute(name).is_none_or(|attribute| attribute.f() == 1.0);
        let weight = match node.op_type() {
            "MatMul" | "FusedMatMul" | "Gemm" if size()?.0 == 2 => {
                if node.int_attribute("transA", 0) != 0 || !unit("alpha") {
                    return None;
                }
                let stored = self.constant(node, 1)?;
                if node.int_attribute("transB", 0) == 0 { stored.transposed() } else { stored }
            }
            _ => return None,
        };
        let own = if node.op_type() == "Gemm" && unit("beta") { self.constant(node, 2) } else { None };
        let bias = match own {
            Some(bias) => bias,
            None => {
                self.added(node.output.first()?, weight.rows()).unwrap_or_else(|| Constant::zeros(&[weight.rows()]))
            }
        };
        let bias = Constant::vector(bias.values);
        Some(Linear { node: position, weight, bias })
    }

    /// The constant of `size` elements that is added to a tensor, by an addition or by an operator that has one inside.
    fn added(&self, tensor: &str, size: usize) -> Option<Constant> {
        let mut name = tensor;
        loop {
            let readers = self.readers.get(name)?;
            for &reader in readers {
                let node = self.node(reader);
                let constant = match node.op_type() {
                    "Add" => (0..2).find_map(|input| self.constant(node, input)),
                    "BiasGelu" | "FastGelu" => self.constant(node, 1),
                    "SkipLayerNormalization" => self.constant(node, 4),
                    _ => None,
                };
                if let Some(constant) = constant.filter(|constant| constant.values.len() == size) {
                    return Some(constant);
                }
            }
            let [only] = readers.as_slice() else { return None };
            let node = self.node(*only);
            if !PASSING.contains(&node.op_type()) {
                return None;
            }
            name = node.output.first()?;
        }
    }

    /// Returns the normalisations among these nodes, in order: position, scale, shift, and the number added to the
    /// variance.
    pub fn normalisations(&self, nodes: &[usize], features: usize) -> Vec<(usize, Constant, Constant, f32)> {
        let whole = |constant: Option<Constant>| constant.filter(|constant| constant.values.len() == features);
        let epsilon =
            |node: &NodeProto, default: f32| node.find_attribute("epsilon").map_or(default, |value| value.f());
        let written_out = self.variance_epsilon(nodes);
        let found = nodes.iter().filter_map(|&position| {
            let node = self.node(position);
            let fused = match node.op_type() {
                "LayerNormalization" => Some((1, 2, 1e-5)),
                "SkipLayerNormalization" => Some((2, 3, 1e-12)),
                "EmbedLayerNormalization" => Some((5, 6, 1e-12)),
                _ => None,
            };
            if let Some((scale, shift, default)) = fused {
                let shift = whole(self.constant(node, shift)).unwrap_or_else(|| Constant::zeros(&[features]));
                return Some((position, whole(self.constant(node, scale))?, shift, epsilon(node, default)));
            }
            // Written out it ends in a product with the scale, to which the shift is added.
            if node.op_type() != "Mul" {
                return None;
            }
            let scale = (0..2).find_map(|input| whole(self.constant(node, input)))?;
            let scaled = node.output.first()?;
            let shift = self.added(scaled, features).or_else(|| whole(self.shift_less_mean(scaled)))?;
            Some((position, scale, shift, written_out?))
        });
        found
            .map(|(node, scale, shift, epsilon)| {
                (node, Constant::vector(scale.values), Constant::vector(shift.values), epsilon)
            })
            .collect()
    }

    /// The shift of a normalisation that multiplies the scale in first, as TensorFlow writes it: `x · s + (shift - mean · s)`
    /// with `s` the scale over the deviation, the tensor given.
    fn shift_less_mean(&self, scaled: &str) -> Option<Constant> {
        let products =
            self.readers.get(scaled)?.iter().map(|&reader| self.node(reader)).filter(|node| node.is_op("Mul"));
        let read = products.filter_map(|node| self.readers.get(node.output.first()?.as_str())).flatten();
        let differences = read.map(|&reader| self.node(reader)).filter(|node| node.is_op("Sub"));
        differences.filter_map(|node| self.constant(node, 0)).next()
    }

    /// Returns the constant that is added to a variance before its root is taken.
    fn variance_epsilon(&self, nodes: &[usize]) -> Option<f32> {
        let roots =
            nodes.iter().map(|&position| self.node(position)).filter(|node| matches!(node.op_type(), "Sqrt" | "Pow"));
        let sums = roots.filter_map(|node| self.producers.node(node.input.first()?)).filter(|node| node.is_op("Add"));
        let scalar = |constant: Constant| <[f32; 1]>::try_from(constant.values).ok().map(|[value]| value);
        sums.filter_map(|node| (0..2).find_map(|input| scalar(self.constant(node, input)?))).next()
    }

    /// Returns the constants of `size` elements that these nodes add to something.
    pub fn added_constants(&self, nodes: &[usize], size: usize) -> Vec<Constant> {
        let sums = nodes.iter().map(|&position| self.node(position)).filter(|node| node.is_op("Add"));
        sums.filter_map(|node| (0..2).find_map(|input| self.constant(node, input)))
            .filter(|constant| constant.values.len() == size)
            .collect()
    }
}
