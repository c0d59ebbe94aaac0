//! Encoder and head joined in one graph.

use larder_intake::{Encoder, Prepared, Running};
use larder_onnx::{GraphBuilder, Interface, Model, select_features};
use larder_run::{Head, RunRecord};
use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::inputs::with_plain_inputs;
use crate::pairs::{name_pairs, pair_columns};
use crate::precision::{Precision, halve};

/// The texts that may share a batch of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batching {
    /// Any texts, shorter ones padded on the right.
    Padded,
    /// Texts of one length: the encoder's graph ignores its mask, or has none.
    EqualLengths,
    /// Single texts: in the encoder's graph a text's vectors depend on the other texts of its batch.
    OneByOne,
}

/// The exported graph of a run.
#[derive(Debug, Clone)]
pub(crate) struct ExportedModel {
    /// Inputs `input_ids`, and `attention_mask` and `token_type_ids` if the encoder reads them: int64 `[batch, seq]`. Outputs
    /// as in [`Head::outputs`].
    pub(crate) model: Model,
    /// The texts that may share a batch.
    pub(crate) batching: Batching,
}

/// Builds the model that computes the run's encoder outputs, in the order of the head's columns, and the head's answer.
///
/// # Errors
/// [`ExportError::FixedSizes`], [`ExportError::NotQuantised`], [`ExportError::PairsApart`]; [`ExportError::Graph`] for a layer that the encoder does not
/// output; errors of [`Encoder::running`].
pub(crate) fn export_model(
    encoder: &Encoder,
    record: &RunRecord,
    head: &Head,
    precision: Precision,
) -> Result<ExportedModel, ExportError> {
    let (outputs, settings) = (&record.outputs, &record.settings);
    let Running { model, interface, rebuilt } = encoder.running(outputs)?;
    check_sizes(encoder, &interface)?;
    let batching = match (encoder.runs_alone() && !rebuilt, encoder.needs_exact_lengths() && !rebuilt) {
        (true, _) => Batching::OneByOne,
        (false, true) => Batching::EqualLengths,
        (false, false) => Batching::Padded,
    };
    if settings.pair_features && batching != Batching::Padded {
        return Err(ExportError::PairsApart { encoder: encoder.name().to_owned() });
    }
    let model = match precision {
        Precision::Int8 => quantised(encoder, model, rebuilt)?,
        Precision::F32 | Precision::F16 => model,
    };
    let model = encoder.showing(model, &interface, outputs)?;
    let selected = select_features(&model, &interface, outputs)?;
    let opset = selected.opset("")?;
    let mut proto = selected.into_proto();
    let mut graph = with_plain_inputs(proto.graph.take().unwrap_or_default(), opset, &interface);
    if precision == Precision::F16 {
        halve(&mut graph)?;
    }
    let layers = interface.last_layer();
    let mut names: Vec<String> = outputs.iter().map(|output| output.column(layers)).collect();
    debug_assert_eq!(names.len(), head.columns().len(), "the run's record was checked against its head");
    let mut b = GraphBuilder::from_graph(graph, opset);
    if settings.pair_features {
        let widths = outputs.iter().map(|output| encoder.width(output.kind));
        names = pair_columns(&mut b, names.iter().map(String::as_str).zip(widths));
    }
    let tensors = head.append_to(&mut b, &names, settings.word_pool);
    let mut graph = b.finish();
    if settings.pair_features {
        name_pairs(&mut graph);
    }
    graph.initializer.extend(tensors);
    proto.graph = Some(graph);
    Ok(ExportedModel { model: Model::from_proto(proto)?.sorted()?, batching })
}

fn check_sizes(encoder: &Encoder, interface: &Interface) -> Result<(), ExportError> {
    let batch = interface.fixed_batch().map(|rows| format!("batches of {rows}"));
    let seq = interface.fixed_seq().map(|tokens| format!("texts of {tokens} tokens"));
    let sizes: Vec<String> = batch.into_iter().chain(seq).collect();
    match sizes.is_empty() {
        true => Ok(()),
        false => Err(ExportError::FixedSizes { encoder: encoder.name().to_owned(), sizes: sizes.join(" and ") }),
    }
}

/// Converts products to 8 bits; they are known only in larder's own graphs.
fn quantised(encoder: &Encoder, model: Model, rebuilt: bool) -> Result<Model, ExportError> {
    let refused = |reason: String| ExportError::NotQuantised { encoder: encoder.name().to_owned(), reason };
    match &encoder.manifest().prepared {
        Prepared::AsGiven { reason } => {
            return Err(refused(format!("its graph runs as it was given, because {reason}")));
        }
        Prepared::Rebuilt(_) if !rebuilt => {
            return Err(refused("the pooled output is the given graph's own".to_owned()));
        }
        _ => {}
    }
    match model.quantised()? {
        (_, 0) => Err(refused("it has no products in floats".to_owned())),
        (model, _) => Ok(model),
    }
}
