//! Outputs by element type, rank, and which is computed from which.

use super::hidden_states::ATTENTION;
use super::{Hints, OutputTensor, decide, described, described_text, fixed, is_float, last_layer};
use crate::graph::Producers;
use crate::proto::ValueInfoProto;
use crate::proto::tensor_proto::DataType;
use crate::{Model, OnnxError};

pub(super) struct Outputs {
    pub token: Option<OutputTensor>,
    pub pooled: Vec<OutputTensor>,
    pub others: Vec<OutputTensor>,
}

/// `table` is rows and columns of the token table.
pub(super) fn recognise(
    model: &Model,
    producers: &Producers<'_>,
    hints: &Hints,
    table: [usize; 2],
) -> Result<Outputs, OnnxError> {
    let may_be_float = |info: &&ValueInfoProto| {
        described(info).is_none_or(|(dtype, _)| is_float(dtype) || dtype == DataType::Undefined as i32)
    };
    let (floats, integers): (Vec<&ValueInfoProto>, Vec<_>) = model.outputs().iter().partition(may_be_float);
    let hinted: Vec<&String> = [&hints.last_hidden_state, &hints.pooler_output].into_iter().flatten().collect();
    let is_wanted = |info: &&&ValueInfoProto| floats.is_empty() || hinted.iter().any(|name| *name == info.name());
    let unreadable: Vec<String> = integers.iter().filter(is_wanted).map(|info| described_text(info)).collect();
    if !unreadable.is_empty() {
        return Err(OnnxError::IntegerOutputs { outputs: unreadable.join(", ") });
    }
    let of_rank = |rank: usize| -> Vec<&ValueInfoProto> {
        floats
            .iter()
            .copied()
            .filter(|info| described(info).and_then(|(_, axes)| axes).is_some_and(|axes| axes.len() == rank))
            .collect()
    };
    // A head's scores come with the vectors that they are made of, in files of models trained for a task.
    let (scores, vectors): (Vec<_>, Vec<_>) =
        of_rank(3).into_iter().partition(|info| are_scores(info, producers, table));
    let candidates = if vectors.is_empty() { scores } else { vectors };
    let names: Vec<&str> = candidates.iter().map(|info| info.name()).collect();
    let last = last_layer::among(model, producers, &names);
    let tokens: Vec<&ValueInfoProto> = last.into_iter().map(|place| candidates[place]).collect();
    let token = decide("last_hidden_state", hints.last_hidden_state.as_ref(), &floats, &tokens)?;
    let pooled = match decide("pooler_output", hints.pooler_output.as_ref(), &floats, &[])? {
        Some(hinted) => vec![hinted],
        None => of_rank(2),
    };
    let named = |info: &ValueInfoProto| {
        token.is_some_and(|token| token.name() == info.name()) || pooled.iter().any(|p| p.name() == info.name())
    };
    Ok(Outputs {
        others: floats.iter().filter(|info| !named(info)).map(|info| output_tensor(info)).collect(),
        token: token.map(output_tensor),
        pooled: pooled.into_iter().map(output_tensor).collect(),
    })
}

/// Returns true if an output `[batch, seq, width]` holds scores: `width` is the vocabulary's size or 1, or the output
/// is a head's product whose input has another width.
fn are_scores(info: &ValueInfoProto, producers: &Producers<'_>, [rows, columns]: [usize; 2]) -> bool {
    let width = described(info).and_then(|(_, axes)| fixed(axes?.last()?));
    let by_width = width.is_some_and(|width| width != columns && (width == rows || width == 1));
    by_width || projection(producers, info.name()).is_some_and(|[from, to]| from != to)
}

/// The two sizes of the parameters of the product that a tensor comes from, if nothing but a shift, a change of type or
/// of shape comes after it: a layer ends in a normalisation or in the sum of two tensors.
fn projection(producers: &Producers<'_>, tensor: &str) -> Option<[usize; 2]> {
    let mut name = tensor;
    // A shift, a cast, two changes of shape.
    for _ in 0..6 {
        let node = producers.node(name)?;
        let open = |name: &&String| producers.constant_shape(name).is_none();
        name = match node.op_type() {
            "Cast" | "Identity" | "Reshape" | "Squeeze" | "Unsqueeze" => node.input.first()?,
            "Add" => match node.input.iter().filter(open).collect::<Vec<_>>().as_slice() {
                [only] => only,
                _ => return None,
            },
            "MatMulNBits" | "MatMulBnb4" => {
                let size = |name: &str| usize::try_from(node.int_attribute(name, 0)).ok();
                return Some([size("K")?, size("N")?]);
            }
            "MatMul"
            | "Gemm"
            | "FusedMatMul"
            | "FusedGemm"
            | "MatMulInteger"
            | "DynamicQuantizeMatMul"
            | "MatMulIntegerToFloat" => {
                let (_, sizes) = producers.constant_shape(node.input.get(1)?)?;
                return <[usize; 2]>::try_from(sizes).ok();
            }
            _ => return None,
        };
    }
    None
}

fn output_tensor(info: &ValueInfoProto) -> OutputTensor {
    let (dtype, axes) = described(info).unwrap_or((DataType::Undefined as i32, None));
    OutputTensor {
        name: info.name().to_owned(),
        dtype: crate::tensor::dtype_name(dtype),
        axes: axes.map(|axes| axes.iter().map(fixed).collect()),
    }
}

/// The size of the last axis, where the model says it.
pub(super) fn last_axis(output: &OutputTensor) -> Option<usize> {
    output.axes.as_ref()?.last().copied().flatten()
}

/// The features of the normalisation that a tensor comes from: an encoder's layers end in one.
pub(super) fn normalised_axis(producers: &Producers<'_>, tensor: &str) -> Option<usize> {
    let mut name = tensor.to_owned();
    // Casts, reshapes and shifts between the normalisation and the output are few.
    for _ in 0..8 {
        let node = producers.node(&name)?;
        let scale = match node.op_type() {
            "LayerNormalization" => node.input.get(1),
            "SkipLayerNormalization" => node.input.get(2),
            // Normalisations written out end in a scale and a shift by constants of one axis.
            "Add" | "Mul" => node.input.iter().find(|input| producers.constant_shape(input).is_some()),
            _ => None,
        };
        match scale.and_then(|scale| producers.constant_shape(scale)).as_ref().map(|(_, dims)| dims.as_slice()) {
            Some([features]) => return Some(*features),
            _ => name = node.input.first()?.clone(),
        }
    }
    None
}

/// Counts the attention blocks that a tensor is computed through: each has one softmax, or one fused operator.
pub(super) fn count_layers(model: &Model, producers: &Producers<'_>, tensor: &str) -> Option<usize> {
    let (nodes, _) = producers.ancestors(&[tensor]);
    let blocks = nodes
        .iter()
        .filter_map(|&position| model.graph().node.get(position))
        .filter(|node| ATTENTION.contains(&node.op_type()))
        .count();
    (blocks > 0).then_some(blocks)
}
