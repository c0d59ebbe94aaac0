//! Reading an encoder back out of somebody else's graph: its configuration and its weights.
//!
//! However an exporter writes it, a layer of a BERT is six products with constant matrices, one softmax and two
//! normalisations. Which product is the query's, the key's or the value's follows from where its result goes: into the
//! left or right side of the scores, or past the softmax. So the weights can be found by structure alone, whatever tensors
//! are called and however much shape arithmetic stands between them, and [`build`](crate::build) can make of them the graph
//! that this crate makes of published weights: nothing in it but the arithmetic, any batch and any length.
//!
//! The result is a guess until the graph built of it has been run beside the original: whoever uses it compares.

mod constants;
mod embeddings;
mod layer;
mod region;

use crate::facts::Facts;
use crate::families::{EncoderConfig, Family};
use crate::graph::Producers;
use crate::interface::Interface;
use crate::weights::Weight;
use crate::{Activation, Model, OnnxError, Weights};

use constants::Constant;
use embeddings::Embeddings;
use layer::Layer;
use region::Wiring;

/// An encoder recognised in a graph: its configuration and weights.
#[derive(Clone, Debug, PartialEq)]
pub struct RecognisedEncoder {
    /// The settings, of the family whose graph comes closest: BERT's, DistilBERT's, ALBERT's or RoBERTa's.
    pub config: EncoderConfig,
    /// The parameters, under that family's names.
    pub weights: Weights,
    /// The model's output that the pooler gives, if there is one.
    pub pooled_output: Option<String>,
}

/// The reason why no encoder was recognised in a graph. The model runs as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unrecognised {
    /// The layers' outputs were not found.
    #[error("its layers were not found")]
    NoLayers,
    /// Weights kept as integers: reading them as floats would be slower, not faster.
    #[error("its products are quantised")]
    Quantised,
    /// Not the products that a layer has.
    #[error(
        "layer {layer} has {found} products with constant matrices where a BERT's has 6 (query, key, value, two dense, output)"
    )]
    Products {
        /// Counted from 1.
        layer: usize,
        /// Products found.
        found: usize,
    },
    /// The roles of the products could not be told.
    #[error("layer {layer}: {what}")]
    Layer {
        /// Counted from 1.
        layer: usize,
        /// The missing or unusual part.
        what: &'static str,
    },
    /// The embeddings are not a sum of tables, normalised.
    #[error("embeddings: {0}")]
    Embeddings(&'static str),
    /// The parts found are inconsistent.
    #[error("what was found does not go together: {0}")]
    Mismatch(String),
}

/// The source of the number of attention heads, which no weight tells.
#[derive(Clone, Copy, Debug)]
pub enum Heads<'a> {
    /// Taken from the shape of the softmax in a run.
    Observed(&'a Facts),
    /// Known from an earlier recognition.
    Known(usize),
}

/// Reads configuration and weights of `model` out of its graph.
///
/// # Errors
/// [`Unrecognised`].
pub fn recognise_encoder(
    model: &Model,
    interface: &Interface,
    heads: Heads<'_>,
) -> Result<RecognisedEncoder, Unrecognised> {
    let mismatch = |problem: OnnxError| Unrecognised::Mismatch(problem.to_string());
    let producers = Producers::of(model.graph()).map_err(mismatch)?;
    let wiring = Wiring::of(model, &producers).map_err(mismatch)?;
    let [first, rest @ ..] = interface.hidden_states.as_slice() else { return Err(Unrecognised::NoLayers) };
    if rest.is_empty() {
        return Err(Unrecognised::NoLayers);
    }
    if wiring.is_quantised() {
        return Err(Unrecognised::Quantised);
    }
    let hidden = interface.hidden_size;
    let embeddings = Embeddings::read(&wiring, interface, first)?;
    let states = std::iter::once(first).chain(rest).zip(rest);
    let layers = states.enumerate().map(|(index, (from, to))| Layer::read(&wiring, heads, index + 1, hidden, from, to));
    let layers = layers.collect::<Result<Vec<Layer>, _>>()?;
    let pooler = interface.pooled_outputs.iter().find_map(|output| {
        let last = rest.last()?;
        Some((output.name.clone(), layer::pooler(&wiring, hidden, last, &output.name)?))
    });

    let first_layer = &layers[0];
    let alike = |layer: &Layer| (layer.heads, layer.activation) == (first_layer.heads, first_layer.activation);
    if !layers.iter().all(alike) {
        return Err(Unrecognised::Mismatch("layers differ in heads or activation".to_owned()));
    }
    let shared = layers.len() > 1 && layers.iter().all(|layer| layer.same_parameters(first_layer));
    let family = family(&embeddings, pooler.is_some());
    let config = EncoderConfig {
        family,
        vocab_size: embeddings.words.rows(),
        embedding_size: embeddings.words.columns(),
        hidden_size: hidden,
        num_hidden_layers: layers.len(),
        num_hidden_groups: if shared && family == Family::Albert { 1 } else { layers.len() },
        num_attention_heads: first_layer.heads,
        intermediate_size: first_layer.intermediate.rows(),
        hidden_act: first_layer.activation,
        max_position_embeddings: embeddings.positions.rows(),
        type_vocab_size: match family {
            Family::DistilBert => 0,
            _ => embeddings.types.as_ref().map_or(1, Constant::rows),
        },
        layer_norm_eps: f64::from(first_layer.epsilon),
        pad_token_id: embeddings.padding,
        ..EncoderConfig::of(family)
    };
    config.check().map_err(mismatch)?;
    let mut weights = Weights::default();
    let (pooled_output, pooler) = pooler.unzip();
    let mut put = |name: String, constant: &Constant| {
        weights.insert(&name, Weight { shape: constant.dims.clone(), values: constant.values.clone() })
    };
    embeddings.store(&config, &mut put).map_err(mismatch)?;
    for (number, layer) in layers.iter().enumerate().take(config.num_hidden_groups) {
        layer.store(&config, number, &mut put).map_err(mismatch)?;
    }
    let mut kept = None;
    if let (Some(module), Some((weight, bias))) = (family.layout().pooler, &pooler) {
        put(format!("{module}.weight"), weight).map_err(mismatch)?;
        put(format!("{module}.bias"), bias).map_err(mismatch)?;
        kept = pooled_output;
    }
    Ok(RecognisedEncoder { config, weights, pooled_output: kept })
}

/// The family whose graph can say what was found.
fn family(embeddings: &Embeddings, pooler: bool) -> Family {
    match () {
        () if embeddings.padding.is_some() => Family::Roberta,
        () if embeddings.projection.is_some() => Family::Albert,
        () if embeddings.types.is_none() && !pooler => Family::DistilBert,
        () => Family::Bert,
    }
}

impl Activation {
    /// The activation that holds this operator.
    fn of_operator(op_type: &str, approximate: bool) -> Option<Self> {
        match op_type {
            "Gelu" if approximate => Some(Self::GeluNew),
            "Erf" | "Gelu" | "BiasGelu" => Some(Self::Gelu),
            "Tanh" | "FastGelu" => Some(Self::GeluNew),
            "Relu" => Some(Self::Relu),
            "Sigmoid" => Some(Self::Silu),
            _ => None,
        }
    }
}
