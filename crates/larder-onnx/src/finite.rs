//! Parameters that are no numbers: NaN and infinity in the constants of a graph.
//!
//! A training run that diverged, or a file that was damaged, leaves them, and an encoder that holds one gives NaN for the
//! texts that come across it: all of them, or those with one rare word. No run finds that; reading the constants does.
//! Infinity is not always wrong: what masked scores are set to, and the bounds of a clipping, are written so.

use crate::Model;
use crate::graph::Producers;
use crate::proto::tensor_proto::DataType;
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// A constant with values that are not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct NotFinite {
    /// The tensor; that of a `Constant` node by what the node gives.
    pub tensor: String,
    /// The first such value's place: an index for each axis.
    pub place: Vec<usize>,
    /// The value: NaN or an infinity.
    pub value: f64,
    /// Number of values that are not finite.
    pub count: usize,
}

impl std::fmt::Display for NotFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tensor {:?} holds {} at {:?}", self.tensor, self.value, self.place)?;
        match self.count {
            1 => Ok(()),
            count => write!(f, ", the first of {count} values that are no numbers"),
        }
    }
}

impl Model {
    /// Finds the first constant with NaN, or with infinity where no mask and no bound is meant, among those that these
    /// outputs are computed from. Single numbers are passed over: every run shows their effect.
    pub fn not_finite(&self, outputs: &[&str]) -> Option<NotFinite> {
        self.first_constant(outputs, &|tensor| tensor.not_finite().filter(|_| !tensor.may_be_infinite()))
    }

    /// Finds the first constant with NaN or infinity among those that these outputs are computed from, single values
    /// included: for a model whose outputs are known not to be finite.
    pub fn suspect(&self, outputs: &[&str]) -> Option<NotFinite> {
        self.not_finite(outputs).or_else(|| {
            self.first_constant(outputs, &|tensor| tensor.not_finite().filter(|found| found.value.is_nan()))
        })
    }

    fn first_constant(&self, outputs: &[&str], look: &dyn Fn(&TensorProto) -> Option<NotFinite>) -> Option<NotFinite> {
        let graph = self.graph();
        let (nodes, names) = Producers::of(graph).ok()?.ancestors(outputs);
        let mut initializers = graph.initializer.iter().filter(|tensor| names.contains(tensor.name()));
        let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
        let mut sparse = sparse.filter(|values| names.contains(values.name()));
        let mut nodes = graph.node.iter().enumerate().filter(|(position, _)| nodes.contains(position));
        initializers
            .find_map(look)
            .or_else(|| sparse.find_map(look))
            .or_else(|| nodes.find_map(|(_, node)| of_node(node, look)))
    }
}

/// The first in a node's own constants, those of subgraphs included.
fn of_node(node: &NodeProto, look: &dyn Fn(&TensorProto) -> Option<NotFinite>) -> Option<NotFinite> {
    let of_graph = |graph: &GraphProto| {
        let own = graph.initializer.iter().find_map(look);
        own.or_else(|| graph.node.iter().find_map(|node| of_node(node, look)))
    };
    let of_attribute = |attribute: &AttributeProto| {
        let mut tensors = attribute.t.iter().chain(&attribute.tensors);
        let numbers = || TensorProto::from_f32("", &[attribute.floats.len()], &attribute.floats);
        let named = |found: NotFinite| match found.tensor.is_empty() {
            true => NotFinite { tensor: node.output.first().cloned().unwrap_or_default(), ..found },
            false => found,
        };
        let mut graphs = attribute.g.iter().chain(&attribute.graphs);
        tensors
            .find_map(look)
            .or_else(|| look(&numbers()).filter(|_| !attribute.floats.is_empty()))
            .map(named)
            .or_else(|| graphs.find_map(of_graph))
    };
    node.attribute.iter().find_map(of_attribute)
}

impl TensorProto {
    /// Finds the first NaN or infinity of a tensor of floats whose data is in the model.
    pub fn not_finite(&self) -> Option<NotFinite> {
        let bad = |value: &f64| !value.is_finite();
        let (first, value) = self.numbers()?.enumerate().find(|(_, value)| bad(value))?;
        let count = self.numbers()?.filter(bad).count();
        let mut rest = first;
        let mut place: Vec<usize> = Vec::new();
        for &size in self.dims.iter().rev() {
            let size = usize::try_from(size).unwrap_or(1).max(1);
            place.insert(0, rest % size);
            rest /= size;
        }
        Some(NotFinite { tensor: self.name().to_owned(), place, value, count })
    }

    /// Returns true if the tensor's infinities may be intended: a single number may be a bound or what masked scores
    /// become; a mask holds negative infinity beside one other number; a mask that positions were added to has two last
    /// axes of one size.
    fn may_be_infinite(&self) -> bool {
        let Some(numbers) = self.numbers() else { return true };
        if self.element_count().is_ok_and(|count| count == 1) {
            return true;
        }
        let mut others: Option<f64> = None;
        let (mut negative, mut one_other) = (true, true);
        for value in numbers {
            match value {
                value if value.is_nan() => return false,
                f64::INFINITY => negative = false,
                f64::NEG_INFINITY => {}
                value => one_other &= *others.get_or_insert(value) == value,
            }
        }
        let square = matches!(self.dims.as_slice(), [.., a, b, c] if b == c && *a > 0);
        negative && (one_other || square)
    }

    /// The values of a tensor of floats, as they are stored.
    fn numbers(&self) -> Option<Box<dyn Iterator<Item = f64> + '_>> {
        let half = |bits: u16| f64::from(half::f16::from_bits(bits));
        let brain = |bits: u16| f64::from(half::bf16::from_bits(bits));
        let dtype = DataType::try_from(self.data_type()).ok()?;
        Some(match (dtype, &self.raw_data) {
            (DataType::Float, Some(raw)) => {
                Box::new(raw.as_chunks().0.iter().map(|word| f64::from(f32::from_le_bytes(*word))))
            }
            (DataType::Float, None) => Box::new(self.float_data.iter().map(|&value| f64::from(value))),
            (DataType::Double, Some(raw)) => Box::new(raw.as_chunks().0.iter().map(|word| f64::from_le_bytes(*word))),
            (DataType::Double, None) => Box::new(self.double_data.iter().copied()),
            (DataType::Float16, Some(raw)) => {
                Box::new(raw.as_chunks().0.iter().map(move |word| half(u16::from_le_bytes(*word))))
            }
            // Outside `raw_data` the standard keeps one 16-bit pattern in each number.
            (DataType::Float16, None) => Box::new(self.int32_data.iter().map(move |&bits| half(bits as u16))),
            (DataType::Bfloat16, Some(raw)) => {
                Box::new(raw.as_chunks().0.iter().map(move |word| brain(u16::from_le_bytes(*word))))
            }
            (DataType::Bfloat16, None) => Box::new(self.int32_data.iter().map(move |&bits| brain(bits as u16))),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;
    use crate::builder::{Axis, GraphBuilder};

    fn said(dims: &[usize], values: &[f32]) -> Option<String> {
        let mut b = GraphBuilder::new("sum", 17);
        let x = b.input("x", DataType::Float, &[Axis::symbol("n")]);
        let w = b.initializer(TensorProto::from_f32("w", dims, values));
        let unused = b.initializer(TensorProto::from_f32("unused", &[2], &[f32::NAN, 1.0]));
        let (sum, other) = (b.add(&x, &w), b.add(&x, &unused));
        b.output(&sum, "sum", DataType::Float, &[]);
        b.output(&other, "other", DataType::Float, &[]);
        let model = Model::from_graph(b.finish(), 17).expect("is sound");
        assert!(model.not_finite(&["other"]).is_some());
        model.not_finite(&["sum"]).map(|found| found.to_string())
    }

    #[test]
    fn a_parameter_that_is_no_number_is_named_with_its_place() {
        let row = [0.5, 0.25, 0.125, 1.0, 2.0, f32::NAN];
        assert_eq!(said(&[2, 3], &row).unwrap(), "tensor \"w\" holds NaN at [1, 2]");
        let row = [0.5, f32::INFINITY, 0.125, f32::NEG_INFINITY, 2.0, 3.0];
        assert_eq!(
            said(&[2, 3], &row).unwrap(),
            "tensor \"w\" holds inf at [0, 1], the first of 2 values that are no numbers"
        );
        assert_eq!(said(&[2, 3], &[0.5, 0.25, 0.125, f32::MIN, 2.0, 3.0]), None);
    }

    #[test]
    fn masks_and_bounds_may_be_infinite() {
        let low = f32::NEG_INFINITY;
        assert_eq!(said(&[], &[low]), None);
        assert_eq!(said(&[1], &[f32::INFINITY]), None);
        assert_eq!(said(&[2, 2], &[0.0, low, 0.0, 0.0]), None);
        // Positions that count for less the further they are, and none that come later.
        assert_eq!(said(&[1, 3, 3], &[0.0, low, low, -0.5, 0.0, low, -1.0, -0.5, 0.0]), None);
        assert!(said(&[3, 3], &[0.0, low, low, -0.5, 0.0, low, -1.0, -0.5, 0.0]).is_some(), "a matrix is no mask");
        assert!(said(&[2, 2], &[0.0, f32::INFINITY, 0.0, 0.0]).is_some());
        assert!(said(&[2, 2], &[0.0, low, f32::NAN, 0.0]).is_some());
    }

    #[test]
    fn every_type_of_float_is_read_as_it_is_stored() {
        let typed =
            |dtype: DataType| TensorProto { dims: vec![3], data_type: Some(dtype as i32), ..Default::default() };
        let halves = [1.0, f32::INFINITY, 2.0].map(|value| f16::from_f32(value).to_bits());
        let stored = [
            TensorProto { double_data: vec![1e300, f64::INFINITY, 2.0], ..typed(DataType::Double) },
            TensorProto { int32_data: halves.map(i32::from).to_vec(), ..typed(DataType::Float16) },
            TensorProto {
                raw_data: Some(halves.iter().flat_map(|bits| bits.to_le_bytes()).collect()),
                ..typed(DataType::Float16)
            },
            TensorProto { int32_data: vec![0x3f80, 0x7f80, 0x4000], ..typed(DataType::Bfloat16) },
        ];
        for tensor in stored {
            let found = tensor.not_finite().expect("holds infinity");
            assert_eq!((found.place, found.count, found.value), (vec![1], 1, f64::INFINITY), "{tensor:?}");
        }
    }
}
