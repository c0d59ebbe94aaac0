//! Half precision as float32, and constants as initializers.

use std::collections::{HashMap, HashSet};

use crate::OnnxError;
use crate::builder::{fresh_name, names_of};
use crate::proto::tensor_proto::DataType;
use crate::proto::{GraphProto, TensorProto, ValueInfoProto, type_proto};

const HALVES: [i32; 2] = [DataType::Float16 as i32, DataType::Bfloat16 as i32];

/// Attributes that name an element type.
const TYPES: [&str; 3] = ["to", "dtype", "output_dtype"];

/// Takes initializers from among the inputs, where files of the first versions of ONNX list them: they are no defaults of anything.
pub(super) fn defaults_are_constants(graph: &mut GraphProto) {
    let stored: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
    let fed: Vec<ValueInfoProto> = graph.input.iter().filter(|input| !stored.contains(input.name())).cloned().collect();
    graph.input = fed;
}

/// Makes an initializer of each `Constant` that holds a tensor, but for vectors of one number: nobody has learned such a constant,
/// as the zeros that an exporter adds where a normalisation has no bias.
pub(super) fn constants_are_initializers(graph: &mut GraphProto) {
    let mut initializers = Vec::new();
    graph.node.retain_mut(|node| {
        let is_one = |tensor: &TensorProto| {
            let values = tensor.floats().ok().filter(|values| values.len() > 1);
            values.is_some_and(|values| values.windows(2).all(|pair| pair[0] == pair[1]))
        };
        let held = |attribute: &&mut crate::proto::AttributeProto| {
            attribute.name() == "value" && attribute.t.as_ref().is_some_and(|tensor| !is_one(tensor))
        };
        let value = if node.is_op("Constant") { node.attribute.iter_mut().find(held) } else { None };
        let (Some(value), Some(name)) = (value, node.output.first()) else { return true };
        let Some(mut tensor) = value.t.take() else { return true };
        tensor.name = Some(name.clone());
        initializers.push(tensor);
        false
    });
    graph.initializer.extend(initializers);
}

/// Makes float32 of float16 and bfloat16, graphs inside nodes included.
///
/// # Errors
/// Those of [`TensorProto::floats`].
pub(super) fn widen(graph: &mut GraphProto) -> Result<(), OnnxError> {
    for tensor in &mut graph.initializer {
        widen_tensor(tensor)?;
    }
    for info in graph.input.iter_mut().chain(&mut graph.output) {
        let Some(type_proto::Value::TensorType(of)) = info.r#type.as_mut().and_then(|of| of.value.as_mut()) else {
            continue;
        };
        if HALVES.contains(&of.elem_type()) {
            of.elem_type = Some(DataType::Float as i32);
        }
    }
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        let is_half = TYPES.contains(&attribute.name())
            && attribute.i.is_some_and(|dtype| HALVES.iter().any(|&half| dtype == i64::from(half)));
        if is_half {
            attribute.i = Some(DataType::Float as i64);
        }
        attribute.t.as_mut().map_or(Ok(()), widen_tensor)?;
        for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            widen(inner)?;
        }
    }
    Ok(())
}

fn widen_tensor(tensor: &mut TensorProto) -> Result<(), OnnxError> {
    if HALVES.contains(&tensor.data_type()) {
        let values = tensor.floats()?.into_owned();
        *tensor = TensorProto::from_f32(tensor.name(), &tensor.shape()?, &values);
    }
    Ok(())
}

/// Parts vectors whose elements are all equal and which several nodes read: each node gets one of its own.
pub(super) fn part_equal_vectors(graph: &mut GraphProto) {
    let is_equal = |tensor: &&TensorProto| {
        let is_vector = tensor.dims.iter().filter(|&&dim| dim > 1).count() == 1;
        let values =
            (tensor.data_type() == DataType::Float as i32 && is_vector).then(|| tensor.floats().ok()).flatten();
        values.is_some_and(|values| values.windows(2).all(|pair| pair[0] == pair[1]))
    };
    let equal: HashMap<String, TensorProto> =
        graph.initializer.iter().filter(is_equal).map(|tensor| (tensor.name().to_owned(), tensor.clone())).collect();
    let mut names = names_of(graph);
    let mut read: HashSet<String> = HashSet::new();
    let mut copies = Vec::new();
    for input in graph.node.iter_mut().flat_map(|node| &mut node.input) {
        let Some(tensor) = equal.get(input.as_str()) else { continue };
        if read.insert(input.clone()) {
            continue;
        }
        let name = fresh_name(&mut names, input.clone());
        copies.push(TensorProto { name: Some(name.clone()), ..tensor.clone() });
        *input = name;
    }
    graph.initializer.extend(copies);
}
