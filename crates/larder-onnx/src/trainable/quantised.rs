//! Integers that stand for floats as those floats: `(q - zero) * scale`.
//!
//! Source: the operators' pages, <https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html> and
//! <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>.

use std::collections::{HashMap, HashSet};

use crate::OnnxError;
use crate::graph::prune;
use crate::proto::tensor_proto::DataType;
use crate::proto::{GraphProto, NodeProto, TensorProto};

/// Puts floats in the place of what is stored in integers and products of floats in the place of products of integers. What
/// rounds activations goes with them. Forms that are none of those known here stay.
///
/// # Errors
/// Those of [`TensorProto::floats`], and of a graph that is not well formed.
pub(super) fn dequantise(graph: &mut GraphProto) -> Result<(), OnnxError> {
    let changes = Quantised::of(graph).changes()?;
    if changes.is_empty() {
        return Ok(());
    }
    let mut changes: HashMap<usize, Change> = changes.into_iter().collect();
    let mut place = 0;
    let mut stored = Vec::new();
    graph.node.retain_mut(|node| {
        let change = changes.remove(&place);
        place += 1;
        match change {
            None => true,
            Some(Change::Stored(tensor)) => {
                stored.push(*tensor);
                false
            }
            Some(Change::Passed(input)) => {
                *node = renewed(node, "Identity", vec![input], node.output[..1].to_vec());
                true
            }
            Some(Change::Lookup(table)) => {
                node.input[0] = table.name().to_owned();
                stored.push(*table);
                true
            }
            Some(Change::Product { input, weight, output }) => {
                *node = renewed(node, "MatMul", vec![input, weight.name().to_owned()], vec![output]);
                stored.push(*weight);
                true
            }
        }
    });
    graph.initializer.extend(stored);
    let outputs: Vec<String> = graph.output.iter().map(|output| output.name().to_owned()).collect();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    prune(graph, &outputs)
}

fn renewed(node: &NodeProto, op_type: &str, input: Vec<String>, output: Vec<String>) -> NodeProto {
    NodeProto { op_type: Some(op_type.to_owned()), name: node.name.clone(), input, output, ..NodeProto::default() }
}

/// What a node becomes.
enum Change {
    /// Its output is this constant.
    Stored(Box<TensorProto>),
    /// Its output is that tensor.
    Passed(String),
    /// It looks up a table of floats.
    Lookup(Box<TensorProto>),
    /// A product of floats.
    Product { input: String, weight: Box<TensorProto>, output: String },
}

struct Quantised<'a> {
    graph: &'a GraphProto,
    makers: HashMap<&'a str, &'a NodeProto>,
    readers: HashMap<&'a str, Vec<usize>>,
    stored: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> Quantised<'a> {
    fn of(graph: &'a GraphProto) -> Self {
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, node) in graph.node.iter().enumerate() {
            node.input.iter().for_each(|input| readers.entry(input).or_default().push(place));
        }
        let makers = graph.node.iter().flat_map(|node| node.output.iter().map(move |name| (name.as_str(), node)));
        let stored = graph.initializer.iter().map(|tensor| (tensor.name(), tensor));
        Self { graph, makers: makers.collect(), readers, stored: stored.collect() }
    }

    fn changes(&self) -> Result<Vec<(usize, Change)>, OnnxError> {
        let mut changes = Vec::new();
        let mut taken = HashSet::new();
        for (place, node) in self.graph.node.iter().enumerate() {
            let found = match (node.domain(), node.op_type()) {
                ("" | "ai.onnx" | "com.microsoft", "DequantizeLinear") => {
                    let lookup = self.looked_up(node)?;
                    changes.extend(lookup.filter(|(place, _)| taken.insert(*place)));
                    self.dequantised(node)?.map(|change| (place, change))
                }
                ("" | "ai.onnx", "MatMulInteger") => self.integer_product(node)?,
                ("com.microsoft", "MatMulNBits") => self.packed_product(node)?.map(|change| (place, change)),
                _ => None,
            };
            changes.extend(found.filter(|(place, _)| taken.insert(*place)));
        }
        Ok(changes)
    }

    /// `DequantizeLinear` of a constant, or of what `QuantizeLinear` made of floats.
    fn dequantised(&self, node: &NodeProto) -> Result<Option<Change>, OnnxError> {
        let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else { return Ok(None) };
        if let Some(rounds) = self.makers.get(input.as_str()) {
            return Ok(match rounds.op_type() {
                "QuantizeLinear" => rounds.input.first().map(|input| Change::Passed(input.clone())),
                "Gather" if self.looked_up(node)?.is_some() => Some(Change::Passed(input.clone())),
                _ => None,
            });
        }
        let Some(integers) = self.stored.get(input.as_str()) else { return Ok(None) };
        let rank = integers.dims.len() as i64;
        let axis = match node.int_attribute("axis", 1) {
            axis if axis < 0 => axis + rank,
            axis => axis,
        };
        let [scale, zero] = [1, 2].map(|place| self.constant(node, place));
        let blocks = node.int_attribute("block_size", 0) > 0;
        let (Some(scale), false) = (scale, blocks) else { return Ok(None) };
        let dims = integers.shape()?;
        Ok(floats(integers, scale, zero, usize::try_from(axis).unwrap_or(0))?
            .map(|values| Change::Stored(Box::new(TensorProto::from_f32(output, &dims, &values)))))
    }

    /// The lookup of rows of integers that `DequantizeLinear` makes floats of, with one scale for all: its place, and what it becomes.
    fn looked_up(&self, node: &NodeProto) -> Result<Option<(usize, Change)>, OnnxError> {
        let found = || {
            let lookup = self.makers.get(node.input.first()?.as_str()).filter(|lookup| lookup.is_op("Gather"))?;
            self.only_reader(lookup.output.first()?)?;
            let scale = self.constant(node, 1).filter(|scale| scale.element_count().is_ok_and(|count| count == 1))?;
            let place = self.graph.node.iter().position(|other| std::ptr::eq(other, *lookup))?;
            Some((place, self.constant(lookup, 0)?, scale))
        };
        let Some((place, table, scale)) = found() else { return Ok(None) };
        let name = format!("{}.float", table.name());
        let floats = floats(table, scale, self.constant(node, 2), 0)?;
        let dims = table.shape()?;
        Ok(floats.map(|values| (place, Change::Lookup(Box::new(TensorProto::from_f32(&name, &dims, &values))))))
    }

    /// `(q(x) · W) * (s(x) * s(W))`, of floats `x` that `DynamicQuantizeLinear` rounds, at its last node.
    fn integer_product(&self, node: &NodeProto) -> Result<Option<(usize, Change)>, OnnxError> {
        let found = || {
            let input = self.rounded(node.input.first()?)?;
            let weight = self.constant(node, 1)?;
            let cast = &self.graph.node[self.only_reader(node.output.first()?)?];
            let last = self.only_reader(cast.output.first().filter(|_| cast.is_op("Cast"))?)?;
            let product = Some(&self.graph.node[last]).filter(|last| last.is_op("Mul"))?;
            let scales = product.input.iter().find(|input| Some(*input) != cast.output.first())?;
            let scales = self.makers.get(scales.as_str()).filter(|node| node.is_op("Mul"))?;
            let scale = scales.input.iter().find_map(|input| self.stored.get(input.as_str()))?;
            Some((input, weight, scale, last, product.output.first()?))
        };
        let Some((input, weight, scale, last, output)) = found() else { return Ok(None) };
        let zero = self.constant(node, 3);
        let columns = weight.dims.len().saturating_sub(1);
        let dims = weight.shape()?;
        Ok(floats(weight, scale, zero, columns)?.map(|values| {
            let weight = Box::new(TensorProto::from_f32(&format!("{}.float", weight.name()), &dims, &values));
            (last, Change::Product { input: input.to_owned(), weight, output: output.clone() })
        }))
    }

    /// `x · Wᵀ` with `W`, `[N, K]`, in blocks of a few bits an element, as `x · W'`.
    fn packed_product(&self, node: &NodeProto) -> Result<Option<Change>, OnnxError> {
        let size = |name: &str| usize::try_from(node.int_attribute(name, 0)).unwrap_or(0);
        let [rows, columns, bits, block] = [size("N"), size("K"), size("bits"), size("block_size")];
        let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else { return Ok(None) };
        let [packed, scales, zeros] = [1, 2, 3].map(|place| self.constant(node, place));
        let has_more = node.input.iter().skip(4).any(|input| !input.is_empty());
        let (Some(packed), Some(scales), false) =
            (packed, scales, has_more || block == 0 || !matches!(bits, 2 | 4 | 8))
        else {
            return Ok(None);
        };
        let (blocks, in_byte) = (columns.div_ceil(block), 8 / bits);
        let bytes = block.div_ceil(in_byte);
        let (Some(packed), scales) = (bytes_of(packed), scales.floats()?) else { return Ok(None) };
        let zero_bytes = blocks.div_ceil(in_byte);
        let packed_zeros = zeros.and_then(bytes_of);
        let float_zeros = zeros.filter(|_| packed_zeros.is_none()).map(TensorProto::floats).transpose()?;
        let fits = packed.len() == rows * blocks * bytes
            && scales.len() == rows * blocks
            && packed_zeros.as_ref().is_none_or(|zeros| zeros.len() == rows * zero_bytes)
            && float_zeros.as_ref().is_none_or(|zeros| zeros.len() == rows * blocks);
        if !fits {
            return Ok(None);
        }
        let field = |bytes: &[u8], at: usize| {
            let byte = u32::from(bytes[at / in_byte]) >> (at % in_byte * bits);
            (byte & ((1 << bits) - 1)) as f32
        };
        let middle = (1_u32 << (bits - 1)) as f32;
        let mut values = vec![0.0; rows * columns];
        for row in 0..rows {
            for column in 0..columns {
                let of = row * blocks + column / block;
                let zero = match (&packed_zeros, &float_zeros) {
                    (Some(zeros), _) => field(&zeros[row * zero_bytes..], column / block),
                    (None, Some(zeros)) => zeros[of],
                    (None, None) => middle,
                };
                values[column * rows + row] = (field(&packed[of * bytes..], column % block) - zero) * scales[of];
            }
        }
        let name = format!("{}.float", node.input[1]);
        let weight = Box::new(TensorProto::from_f32(&name, &[columns, rows], &values));
        Ok(Some(Change::Product { input: input.clone(), weight, output: output.clone() }))
    }

    /// The floats that a tensor was rounded from.
    fn rounded(&self, tensor: &str) -> Option<&'a str> {
        let node = self.makers.get(tensor).filter(|node| node.is_op("DynamicQuantizeLinear"))?;
        node.input.first().map(String::as_str)
    }

    fn constant(&self, node: &NodeProto, place: usize) -> Option<&'a TensorProto> {
        self.stored.get(node.input.get(place)?.as_str()).copied()
    }

    fn only_reader(&self, tensor: &str) -> Option<usize> {
        match self.readers.get(tensor)?.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }
}

/// `(q - zero) * scale`, with one scale and zero for all elements or one for each place along `axis`. `None` for integers of a type
/// or scales of a number that are not known here.
fn floats(
    integers: &TensorProto,
    scale: &TensorProto,
    zero: Option<&TensorProto>,
    axis: usize,
) -> Result<Option<Vec<f32>>, OnnxError> {
    let (Some(values), Some(zeros)) = (numbers(integers), zero.map_or(Some(vec![0.0]), numbers)) else {
        return Ok(None);
    };
    let scales = scale.floats()?;
    let inner: usize = integers.dims.iter().skip(axis + 1).map(|&dim| dim.unsigned_abs() as usize).product();
    let places = integers.dims.get(axis).map_or(1, |&dim| dim.unsigned_abs() as usize);
    let fits = |count: usize| count == 1 || count == places;
    if values.len() != integers.element_count()? || !fits(scales.len()) || !fits(zeros.len()) {
        return Ok(None);
    }
    let of = |list: &[f32], at: usize| if list.len() == 1 { list[0] } else { list[at / inner.max(1) % places] };
    let float = |(at, value): (usize, &f32)| (value - of(&zeros, at)) * of(&scales, at);
    Ok(Some(values.iter().enumerate().map(float).collect()))
}

/// Integers of 8 or 32 bits, as floats.
fn numbers(tensor: &TensorProto) -> Option<Vec<f32>> {
    match DataType::try_from(tensor.data_type()).ok()? {
        DataType::Int32 => Some(tensor.integers().ok()?.iter().map(|&value| value as f32).collect()),
        DataType::Uint8 => Some(bytes_of(tensor)?.into_iter().map(f32::from).collect()),
        DataType::Int8 => Some(bytes_of(tensor)?.into_iter().map(|byte| f32::from(byte as i8)).collect()),
        _ => None,
    }
}

/// The bytes of a tensor of 8-bit integers; outside `raw_data` the standard keeps one in each `int32_data` value.
fn bytes_of(tensor: &TensorProto) -> Option<Vec<u8>> {
    let is_bytes = matches!(DataType::try_from(tensor.data_type()), Ok(DataType::Uint8 | DataType::Int8));
    let stored = || match &tensor.raw_data {
        Some(raw) => raw.to_vec(),
        None => tensor.int32_data.iter().map(|&value| value as u8).collect(),
    };
    is_bytes.then(stored)
}
