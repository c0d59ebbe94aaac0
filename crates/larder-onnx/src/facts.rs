//! Facts about the tensors of a graph: element type, shape, and the values of small constants.
//!
//! Nothing here infers shapes from operators, of which there are too many with too many versions. The model is run with
//! every tensor inside it made an output ([`Model::exposed`]), on a few batches of different sizes, and what stays the same
//! and what follows the batch is read off ([`Facts::learn`]). That is exact for the operators exporters use, and needs no
//! knowledge of them.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::Model;
use crate::OnnxError;
use crate::graph::prune;
use crate::proto::ValueInfoProto;
use crate::proto::tensor_proto::DataType;

/// Integer tensors of at most this many elements are remembered with their values: shapes, axes, indices.
pub const LARGEST_KNOWN_VALUE: usize = 16;

/// The size of one axis: `factor · batch^batch · seq^seq + plus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dim {
    /// The part that never changes.
    pub factor: usize,
    /// Power of the batch size in the axis's length: 0, 1 or 2.
    pub batch: u8,
    /// Power of the sequence length in the axis's length: 0, 1 or 2.
    pub seq: u8,
    /// Added to that product: 0; or 1 where the size is no fixed one, as of the distances between tokens, `2 · seq + 1`; or more, of a
    /// sequence with places around it, `seq + 8`.
    pub plus: u8,
}

/// Places that may stand around a sequence.
const MOST_PLACES: u8 = 64;

impl Dim {
    /// The batch, in rows.
    pub const BATCH: Self = Self { factor: 1, batch: 1, seq: 0, plus: 0 };
    /// The sequence, in tokens.
    pub const SEQ: Self = Self { factor: 1, batch: 0, seq: 1, plus: 0 };
    /// All tokens of the batch.
    pub const TOKENS: Self = Self { factor: 1, batch: 1, seq: 1, plus: 0 };

    /// Always this size.
    pub const fn fixed(size: usize) -> Self {
        Self { factor: size, batch: 0, seq: 0, plus: 0 }
    }

    /// Returns the size if it never changes.
    pub fn as_fixed(self) -> Option<usize> {
        (self.batch == 0 && self.seq == 0).then_some(self.factor)
    }

    /// Returns the size for a batch of `batch` rows of `seq` tokens each.
    pub fn at(self, batch: usize, seq: usize) -> usize {
        self.factor * batch.pow(u32::from(self.batch)) * seq.pow(u32::from(self.seq)) + usize::from(self.plus)
    }

    /// The only reading of these sizes, each seen in a batch of `(rows, tokens)`; the simplest where several fit.
    fn fitting(seen: &[(usize, (usize, usize))]) -> Option<Self> {
        const POWERS: [(u8, u8); 9] = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2)];
        let (first, (batch, seq)) = *seen.first()?;
        let products = POWERS.into_iter().map(|powers| (powers, 0));
        let one_more = POWERS.into_iter().skip(1).map(|powers| (powers, 1));
        // As of a sequence with places around it.
        let longer = (2..=MOST_PLACES).map(|plus| ((0, 1), plus));
        products.chain(one_more).chain(longer).find_map(|((b, s), plus)| {
            let unit = Self { factor: 1, batch: b, seq: s, plus: 0 };
            let product = first.checked_sub(usize::from(plus))?;
            let factor = product.checked_div(unit.at(batch, seq))?;
            let dim = Self { factor, plus, ..unit };
            let is_there = plus == 0 || factor == 1 || (factor > 0 && plus == 1);
            (is_there && seen.iter().all(|&(size, (batch, seq))| dim.at(batch, seq) == size)).then_some(dim)
        })
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let powers = [("batch", self.batch), ("seq", self.seq)];
        let mut parts: Vec<String> = powers
            .iter()
            .flat_map(|(name, power)| std::iter::repeat_n((*name).to_owned(), usize::from(*power)))
            .collect();
        if self.factor != 1 || parts.is_empty() {
            parts.insert(0, self.factor.to_string());
        }
        f.write_str(&parts.join("·"))?;
        if self.plus > 0 { write!(f, " + {}", self.plus) } else { Ok(()) }
    }
}

/// The facts about one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorFact {
    /// Element type.
    pub dtype: DataType,
    /// The size of each axis.
    pub shape: Vec<Dim>,
    /// The values, row-major, of an integer tensor of [`LARGEST_KNOWN_VALUE`] elements or fewer that are the same
    /// whatever the model is fed.
    pub values: Option<Vec<i64>>,
}

impl TensorFact {
    /// Makes the fact of a float32 tensor of that shape.
    pub fn float(shape: &[Dim]) -> Self {
        Self { dtype: DataType::Float, shape: shape.to_vec(), values: None }
    }
}

/// The type, shape and values of one tensor in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Element type.
    pub dtype: DataType,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The values of a small integer tensor.
    pub values: Option<Vec<i64>>,
}

/// The sizes of a run and all tensors observed in it.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Rows fed.
    pub batch: usize,
    /// Tokens of each row.
    pub seq: usize,
    /// The observed tensors, by name.
    pub tensors: HashMap<String, Seen>,
}

/// The facts about the tensors of a graph, by name.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    tensors: HashMap<String, TensorFact>,
}

impl Facts {
    /// Works out what the tensors of `model` are: inputs and inner tensors from what was seen of them in runs of
    /// different batches and lengths (two or three coprime sizes each tell everything apart), initializers from
    /// themselves. A tensor whose rank changes, or a size that is no product of batch, length and a number, nor one more, stays
    /// unknown.
    ///
    /// # Errors
    /// [`OnnxError::TensorSize`] for an initializer whose shape is no shape.
    pub fn learn(model: &Model, observations: &[Observation]) -> Result<Self, OnnxError> {
        let mut facts = Self::default();
        let names: HashSet<&String> = observations.iter().flat_map(|run| run.tensors.keys()).collect();
        for name in names {
            let seen: Option<Vec<(&Seen, (usize, usize))>> =
                observations.iter().map(|run| Some((run.tensors.get(name)?, (run.batch, run.seq)))).collect();
            if let Some(fact) = seen.and_then(|seen| TensorFact::of(&seen)) {
                facts.insert(name, fact);
            }
        }
        for tensor in &model.graph().initializer {
            tensor.element_count()?;
            let Ok(dtype) = DataType::try_from(tensor.data_type()) else { continue };
            // Counted above: no axis is negative.
            let shape: Vec<Dim> = tensor.dims.iter().map(|&dim| Dim::fixed(dim.unsigned_abs() as usize)).collect();
            let small = tensor.element_count()? <= LARGEST_KNOWN_VALUE;
            let values = small.then(|| tensor.integers().ok().map(|values| values.into_owned())).flatten();
            facts.insert(tensor.name(), TensorFact { dtype, shape, values });
        }
        Ok(facts)
    }

    /// Returns the facts about a tensor, if there are any.
    pub fn get(&self, name: &str) -> Option<&TensorFact> {
        self.tensors.get(name)
    }

    /// Adds what is known of a tensor, or replaces it.
    pub fn insert(&mut self, name: &str, fact: TensorFact) {
        self.tensors.insert(name.to_owned(), fact);
    }

    /// Returns the number of tensors with facts.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Returns true if there are no facts.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }
}

impl TensorFact {
    /// Generalises the observations of one tensor, each made in a run of the batch size and sequence length beside it.
    fn of(seen: &[(&Seen, (usize, usize))]) -> Option<Self> {
        let (first, _) = seen.first()?;
        let alike = |other: &Seen| other.dtype == first.dtype && other.shape.len() == first.shape.len();
        if !seen.iter().all(|(other, _)| alike(other)) {
            return None;
        }
        let shape = (0..first.shape.len()).map(|axis| {
            let sizes: Vec<_> = seen.iter().map(|(seen, run)| (seen.shape[axis], *run)).collect();
            Dim::fitting(&sizes)
        });
        let shape = shape.collect::<Option<Vec<_>>>()?;
        let values =
            first.values.clone().filter(|values| seen.iter().all(|(seen, _)| seen.values.as_ref() == Some(values)));
        Some(Self { dtype: first.dtype, shape, values })
    }
}

impl Model {
    /// Returns the model with exactly the tensors that its nodes make as outputs. Tensors inside subgraphs (`If`,
    /// `Loop`) stay inside.
    ///
    /// # Errors
    /// Those of [`Model::validate`](Model::from_proto) for the result.
    pub fn exposed(&self) -> Result<Model, OnnxError> {
        let mut proto = self.clone().into_proto();
        let graph = proto.graph.get_or_insert_default();
        let made: Vec<String> =
            graph.node.iter().flat_map(|node| &node.output).filter(|n| !n.is_empty()).cloned().collect();
        let untyped = |name: &String| ValueInfoProto { name: Some(name.clone()), ..Default::default() };
        graph.output = made.iter().map(untyped).collect();
        let wanted: Vec<&str> = made.iter().map(String::as_str).collect();
        prune(graph, &wanted)?;
        Model::from_proto(proto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(shape: &[usize], values: Option<&[i64]>) -> Seen {
        Seen { dtype: DataType::Int64, shape: shape.to_vec(), values: values.map(<[i64]>::to_vec) }
    }

    fn fact(a: Seen, b: Seen) -> Option<TensorFact> {
        TensorFact::of(&[(&a, (3, 7)), (&b, (5, 11))])
    }

    #[test]
    fn sizes_are_read_as_products_of_batch_and_length() {
        let dims = |a: &[usize], b: &[usize]| {
            let shape = fact(seen(a, None), seen(b, None))?.shape;
            Some(shape.iter().map(Dim::to_string).collect::<Vec<_>>())
        };
        assert_eq!(dims(&[3, 7, 384], &[5, 11, 384]).unwrap(), ["batch", "seq", "384"]);
        assert_eq!(dims(&[21, 1], &[55, 1]).unwrap(), ["batch·seq", "1"]);
        assert_eq!(dims(&[36, 7], &[60, 11]).unwrap(), ["12·batch", "seq"]);
        assert_eq!(dims(&[49], &[121]).unwrap(), ["seq·seq"]);
        assert_eq!(dims(&[8, 15], &[12, 23]).unwrap(), ["seq + 1", "2·seq + 1"]);
        assert_eq!(dims(&[9], &[13]).unwrap(), ["seq + 2"]);
        assert_eq!(dims(&[80], &[84]), None, "far more than the length");
        assert_eq!(dims(&[3], &[5, 1]), None, "the rank changes");
        assert_eq!(Dim { factor: 12, ..Dim::TOKENS }.at(2, 5), 120);
        assert_eq!(Dim { factor: 2, plus: 1, ..Dim::SEQ }.at(2, 5), 11);
        assert_eq!((Dim::fixed(4).as_fixed(), Dim::SEQ.as_fixed()), (Some(4), None));
    }

    #[test]
    fn values_are_known_where_they_never_change() {
        let same = fact(seen(&[2], Some(&[12, 32])), seen(&[2], Some(&[12, 32]))).unwrap();
        assert_eq!(same.values.as_deref(), Some([12, 32].as_slice()));
        let other = fact(seen(&[2], Some(&[3, 32])), seen(&[2], Some(&[5, 32]))).unwrap();
        assert_eq!(other.values, None);
    }
}
