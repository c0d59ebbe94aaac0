//! Inputs by what they look up.

use std::collections::{HashMap, HashSet};

use super::{Hints, InputTensor, InputType, decide, described, described_text, fixed};
use crate::graph::{Producers, TensorSource, reads};
use crate::proto::tensor_proto::DataType;
use crate::proto::{NodeProto, ValueInfoProto};
use crate::{Model, OnnxError};

/// A table that an input looks up with at most this many rows tells token types apart: published models have 1 to 4,
/// and no vocabulary or position table is as short.
pub(super) const MOST_TOKEN_TYPES: usize = 16;

/// Operators that pass an index on, perhaps in another type or shape.
/// (a slice of all of it, where an exporter traced a cache that is empty).
const PASSING: [&str; 8] = ["Cast", "Reshape", "Identity", "Unsqueeze", "Squeeze", "Flatten", "Expand", "Slice"];

pub(super) struct Inputs {
    pub input_ids: InputTensor,
    pub attention_mask: Option<InputTensor>,
    pub token_type_ids: Option<InputTensor>,
    /// Rows of the table that `token_type_ids` looks up.
    pub type_rows: Option<usize>,
    pub position_ids: Option<InputTensor>,
    pub unread: Vec<InputTensor>,
    pub table_rows: usize,
    pub table_columns: usize,
    pub position_rows: Option<usize>,
    /// The outputs of the lookups in the token table.
    pub embedded: Vec<String>,
}

/// A two-dimensional constant that a node takes rows of, stored as it is or made of a quantised one.
struct Lookup<'a> {
    rows: usize,
    columns: usize,
    name: &'a str,
    /// The model's input whose values are the indices, if they are just that.
    input: Option<&'a str>,
    /// The output of the lookup.
    output: &'a str,
}

pub(super) fn recognise(model: &Model, producers: &Producers<'_>, hints: &Hints) -> Result<Inputs, OnnxError> {
    let infos = model.inputs();
    let tensors = infos.iter().map(|info| input_tensor(info)).collect::<Result<Vec<_>, _>>()?;
    let tensor = |info: &ValueInfoProto| tensors.iter().find(|tensor| tensor.name == info.name()).cloned();
    let lookups = lookups(model, producers);
    let largest = largest(&lookups);
    let rows = |info: &&ValueInfoProto| largest.get(info.name()).map(|lookup| lookup.rows);
    let with_rows = |test: &dyn Fn(usize) -> bool| -> Vec<&ValueInfoProto> {
        infos.iter().copied().filter(|info| rows(info).is_some_and(test)).collect()
    };

    let most = infos.iter().filter_map(rows).max().unwrap_or(0);
    let candidates = with_rows(&|rows| rows == most);
    let Some(ids) = decide("input_ids", hints.input_ids.as_ref(), &infos, &candidates)? else {
        let candidates = infos.iter().map(|info| described_text(info)).collect::<Vec<_>>().join(", ");
        return Err(OnnxError::NoInput { role: "input_ids", candidates });
    };
    let Some(table) = largest.get(ids.name()) else {
        let candidates = candidates.iter().map(|info| info.name()).collect::<Vec<_>>().join(", ");
        return Err(OnnxError::WrongHint { role: "input_ids", found: ids.name().to_owned(), candidates });
    };

    let mut taken: HashSet<&str> = HashSet::from([ids.name()]);
    let named = [&hints.attention_mask, &hints.token_type_ids, &hints.position_ids];
    taken.extend(named.into_iter().flatten().map(String::as_str));
    let short = untaken(with_rows(&|rows| rows <= MOST_TOKEN_TYPES), &taken);
    let types = decide("token_type_ids", hints.token_type_ids.as_ref(), &infos, &short)?;
    taken.extend(types.map(ValueInfoProto::name));
    let long = untaken(with_rows(&|rows| rows > MOST_TOKEN_TYPES), &taken);
    // Rotary positions have no table.
    let angles = if long.is_empty() { turned_into_angles(model, untaken(infos.clone(), &taken)) } else { Vec::new() };
    let candidates = if long.is_empty() { angles } else { long };
    let positions = decide("position_ids", hints.position_ids.as_ref(), &infos, &candidates)?;
    taken.extend(positions.map(ValueInfoProto::name));

    // What is left is the mask, unless nothing reads it: exports keep inputs that tracing found no use for.
    let read = read_names(model, producers);
    let (rest, unread): (Vec<_>, Vec<_>) =
        untaken(infos.clone(), &taken).into_iter().partition(|info| read.contains(info.name()));
    if let (Some(_), Some(other)) = (&hints.attention_mask, rest.first()) {
        return Err(OnnxError::UnknownInput { input: other.name().to_owned(), found: described_text(other) });
    }
    let mask = decide("attention_mask", hints.attention_mask.as_ref(), &infos, &rest)?;

    let position_rows = lookups
        .iter()
        .filter(|lookup| lookup.input.is_none() || lookup.input == positions.map(ValueInfoProto::name))
        .filter(|lookup| lookup.columns == table.columns && lookup.rows > MOST_TOKEN_TYPES)
        .find(|lookup| lookup.name != table.name)
        .map(|lookup| lookup.rows);
    Ok(Inputs {
        input_ids: tensor(ids).ok_or_else(|| unsupported(ids))?,
        attention_mask: mask.and_then(tensor),
        type_rows: types.and_then(|info| largest.get(info.name())).map(|lookup| lookup.rows),
        token_type_ids: types.and_then(tensor),
        position_ids: positions.and_then(tensor),
        unread: unread.into_iter().filter_map(tensor).collect(),
        table_rows: table.rows,
        table_columns: table.columns,
        position_rows,
        embedded: lookups
            .iter()
            .filter(|lookup| lookup.name == table.name && lookup.input == Some(ids.name()))
            .map(|lookup| lookup.output.to_owned())
            .collect(),
    })
}

/// For each input the rows of its largest table.
pub(super) fn table_rows<'a>(model: &'a Model, producers: &Producers<'a>) -> HashMap<&'a str, usize> {
    largest(&lookups(model, producers)).into_iter().map(|(input, lookup)| (input, lookup.rows)).collect()
}

/// For each input its largest table.
fn largest<'l, 'a>(lookups: &'l [Lookup<'a>]) -> HashMap<&'a str, &'l Lookup<'a>> {
    let mut largest: HashMap<&str, &Lookup> = HashMap::new();
    for lookup in lookups {
        if let Some(input) = lookup.input {
            let entry = largest.entry(input).or_insert(lookup);
            if lookup.rows.saturating_mul(lookup.columns) > entry.rows.saturating_mul(entry.columns) {
                *entry = lookup;
            }
        }
    }
    largest
}

fn untaken<'a>(infos: Vec<&'a ValueInfoProto>, taken: &HashSet<&str>) -> Vec<&'a ValueInfoProto> {
    infos.into_iter().filter(|info| !taken.contains(info.name())).collect()
}

/// Operators between a position and the angle that it turns vectors by: a product with the frequencies, in any shape.
const MAKING_ANGLES: [&str; 15] = [
    "Cast",
    "Reshape",
    "Identity",
    "Unsqueeze",
    "Squeeze",
    "Flatten",
    "Expand",
    "Slice",
    "Transpose",
    "Concat",
    "Mul",
    "Div",
    "MatMul",
    "Gemm",
    "Einsum",
];

/// Those of `infos` whose values become the angles of rotary positions: sines and cosines are taken of them.
fn turned_into_angles<'a>(model: &'a Model, infos: Vec<&'a ValueInfoProto>) -> Vec<&'a ValueInfoProto> {
    let mut readers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
    for node in &model.graph().node {
        for input in &node.input {
            readers.entry(input).or_default().push(node);
        }
    }
    let becomes_angles = |info: &&ValueInfoProto| {
        let (mut open, mut seen) = (vec![info.name()], HashSet::from([info.name()]));
        while let Some(name) = open.pop() {
            for node in readers.get(name).into_iter().flatten() {
                let is_position_of_rotary = || {
                    let place = if node.domain() == "com.microsoft" { 1 } else { 3 };
                    node.input.get(place).is_some_and(|input| input == name)
                };
                match node.op_type() {
                    "Cos" | "Sin" => return true,
                    "RotaryEmbedding" if is_position_of_rotary() => return true,
                    operator if MAKING_ANGLES.contains(&operator) => {
                        open.extend(node.output.iter().map(String::as_str).filter(|output| seen.insert(output)));
                    }
                    _ => {}
                }
            }
        }
        false
    };
    infos.into_iter().filter(becomes_angles).collect()
}

/// Returns the names of all tensors that some output depends on.
fn read_names(model: &Model, producers: &Producers<'_>) -> HashSet<String> {
    let outputs: Vec<&str> = model.outputs().iter().map(ValueInfoProto::name).collect();
    let (nodes, _) = producers.ancestors(&outputs);
    nodes.iter().filter_map(|&position| model.graph().node.get(position)).flat_map(reads).collect()
}

fn unsupported(info: &ValueInfoProto) -> OnnxError {
    OnnxError::UnsupportedInput { input: info.name().to_owned(), found: described_text(info) }
}

fn input_tensor(info: &ValueInfoProto) -> Result<InputTensor, OnnxError> {
    let (dtype, axes) = described(info).ok_or_else(|| unsupported(info))?;
    let dtype = InputType::of(dtype).ok_or_else(|| unsupported(info))?;
    let (batch, seq) = match axes.as_deref() {
        // An unknown rank is taken for the usual one; the runtime knows better when it runs.
        None => (None, None),
        Some([batch, seq]) => (fixed(batch), fixed(seq)),
        Some(_) => return Err(unsupported(info)),
    };
    Ok(InputTensor { name: info.name().to_owned(), dtype, batch, seq })
}

/// Every lookup in a table: `Gather` along axis 0, `Slice` of a constant, and ONNX Runtime's fused embedding.
fn lookups<'a>(model: &'a Model, producers: &Producers<'a>) -> Vec<Lookup<'a>> {
    let inputs: HashSet<&str> = model.inputs().into_iter().map(ValueInfoProto::name).collect();
    let mut found = Vec::new();
    let mut push = |node: &'a NodeProto, table: Option<&'a str>, index: Option<&'a str>| {
        if let Some((name, (rows, columns))) =
            table.and_then(|name| Some((name, table_size(producers.constant_shape(name)?)?)))
        {
            let columns =
                if node.op_type() == "GatherBlockQuantized" { unpacked(node, producers, columns) } else { columns };
            let input = index.and_then(|index| trace(producers, index, &inputs));
            let output = node.output.first().map_or("", String::as_str);
            found.push(Lookup { rows, columns, name, input, output });
        }
    };
    for node in &model.graph().node {
        let input = |place: usize| node.input.get(place).map(String::as_str).filter(|name| !name.is_empty());
        match node.op_type() {
            "Gather" if node.int_attribute("axis", 0) == 0 => push(node, input(0), input(1)),
            "GatherBlockQuantized" if node.int_attribute("gather_axis", 0) == 0 => push(node, input(0), input(1)),
            "Slice" => push(node, input(0), None),
            // input_ids, segment_ids, token table, position table, segment table; position_ids last and optional.
            "EmbedLayerNormalization" => {
                push(node, input(2), input(0));
                push(node, input(4), input(1));
                push(node, input(3), input(8));
            }
            _ => {}
        }
    }
    found
}

/// The columns of a quantised table, several of which may share a byte.
/// <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized>
fn unpacked(node: &NodeProto, producers: &Producers<'_>, columns: usize) -> usize {
    let table = node.input.first().and_then(|name| producers.constant(name));
    let bytes = table.is_some_and(|table| table.data_type() == DataType::Uint8 as i32);
    let bits = usize::try_from(node.int_attribute("bits", 4)).unwrap_or(8);
    if bytes && bits > 0 { columns.saturating_mul(8) / bits } else { columns }
}

/// Rows and columns of a table of floats, or of the integers that quantisation keeps instead: `[rows, columns]`, or
/// `[1, rows, columns]` where an exporter worked out a lookup beforehand.
fn table_size((dtype, dims): (i32, Vec<usize>)) -> Option<(usize, usize)> {
    let narrow = [DataType::Int8, DataType::Uint8, DataType::Int4, DataType::Uint4];
    let quantised = narrow.iter().any(|narrow| *narrow as i32 == dtype);
    match dims.as_slice() {
        [rows, columns] | [1, rows, columns] if super::is_float(dtype) || quantised => Some((*rows, *columns)),
        _ => None,
    }
}

/// The model's input that a tensor is a copy of, in another type or shape perhaps.
fn trace<'a>(producers: &Producers<'a>, tensor: &'a str, inputs: &HashSet<&'a str>) -> Option<&'a str> {
    let mut name = tensor;
    let mut seen = HashSet::new();
    while seen.insert(name) {
        match producers.source(name)? {
            TensorSource::Input => return inputs.get(name).copied(),
            _ => {
                let node: &NodeProto = producers.node(name).filter(|node| PASSING.contains(&node.op_type()))?;
                name = node.input.first()?;
            }
        }
    }
    None
}
