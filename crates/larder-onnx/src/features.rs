//! Cutting an encoder down to the features that are wanted, with the pooling inside the graph.

use serde::{Deserialize, Serialize};

use crate::builder::{Axis, GraphBuilder, Value};
use crate::families::metadata;
use crate::interface::{Interface, OutputTensor};
use crate::pool::{FeatureKind, Pool};
use crate::pooling::{TokenPooling, normalised};
use crate::proto::tensor_proto::DataType;
use crate::{Model, OnnxError};

/// One feature: what is kept of which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureOutput {
    /// The layer: 0 is the embeddings' output, [`Interface::last_layer`] the last.
    pub layer: usize,
    /// The kind of feature.
    pub kind: FeatureKind,
    /// Is it brought to unit length?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalised: bool,
}

impl FeatureOutput {
    /// A feature at its own length.
    pub fn new(layer: usize, kind: impl Into<FeatureKind>) -> Self {
        Self { layer, kind: kind.into(), normalised: false }
    }

    /// The same at unit length, or not.
    #[must_use]
    pub fn normalised_if(self, normalised: bool) -> Self {
        Self { normalised, ..self }
    }

    /// Returns the feature of that column of an encoder with that many layers, if there is one.
    pub fn of_column(column: &str, layers: usize) -> Option<Self> {
        Self::every(layers).find(|feature| feature.column(layers) == column)
    }

    /// Every feature of an encoder with that many layers.
    fn every(layers: usize) -> impl Iterator<Item = Self> {
        let kinds = || Pool::ALL.iter().map(|pool| FeatureKind::Pooled(*pool)).chain([FeatureKind::Tokens]);
        let is_last_only = |kind: FeatureKind| matches!(kind, FeatureKind::Pooled(pool) if pool.is_of_the_whole());
        let of_layer = move |layer: usize| {
            let kinds = kinds().filter(move |kind| layer == layers || !is_last_only(*kind));
            kinds.map(move |kind| Self::new(layer, kind))
        };
        (0..=layers).flat_map(of_layer).flat_map(|feature| [false, true].map(|unit| feature.normalised_if(unit)))
    }

    /// Returns the name of the output and of its column for an encoder with that many layers: `cls`, `mean`, `pooler`
    /// or `embedding` for the last layer, `mean_l4` and so on for another; `mean_normalised` at unit length.
    pub fn column(&self, layers: usize) -> String {
        let kind = match self.kind {
            FeatureKind::Tokens => "embedding",
            kind => kind.as_str(),
        };
        let column = if self.layer == layers { kind.to_owned() } else { format!("{kind}_l{}", self.layer) };
        if self.normalised { format!("{column}_normalised") } else { column }
    }
}

/// Makes a model whose outputs are exactly the features `wanted`, in that order and each once. Each is named by
/// [`FeatureOutput::column`] and float32: `[batch, hidden]`, tokens `[batch, seq, hidden]`. Whatever they do not need
/// is removed: without `pooler` no pooler runs, and no layer above the highest that is asked for.
///
/// - `cls` is the first token's vector.
/// - `mean` is `Σ h·mask / max(Σ mask, 1)` over the tokens, summed in float32; of a model without a mask the mean of all.
/// - The other poolings of tokens are those of sentence-transformers: [`TokenPooling`] has their formulas.
/// - `pooler` is the model's own pooled output, of the last layer only.
/// - `published` is what [`PublishedSteps::add_to`](crate::PublishedSteps::add_to) added.
///
/// The inputs stay as they are, so that whoever feeds the model feeds the same tensors.
///
/// # Errors
/// [`OnnxError::NothingAsked`]; [`OnnxError::LayerNotFound`] for a layer that the model does not show;
/// [`OnnxError::NoPooler`]; [`OnnxError::NotPublished`]; [`OnnxError::Ambiguous`] when several outputs could be the pooled one.
pub fn select_features(model: &Model, interface: &Interface, wanted: &[FeatureOutput]) -> Result<Model, OnnxError> {
    if wanted.is_empty() {
        return Err(OnnxError::NothingAsked);
    }
    let mut features: Vec<FeatureOutput> = Vec::new();
    for feature in wanted {
        if !features.contains(feature) {
            features.push(*feature);
        }
    }
    let sources = features.iter().map(|feature| source(model, interface, feature)).collect::<Result<Vec<_>, _>>()?;

    let mut proto = model.clone().into_proto();
    let graph = proto.graph.take().unwrap_or_default();
    let mut b = GraphBuilder::from_graph(graph, model.opset("")?);
    b.clear_outputs();
    let outputs = b.scoped("features", |b| {
        let mut pooling = TokenPooling::new(interface.attention_mask.as_ref().map(|mask| mask.name.clone()));
        let values: Vec<Value> = features
            .iter()
            .zip(&sources)
            .map(|(feature, source)| {
                let vector = match feature.kind {
                    FeatureKind::Tokens => source.tokens(b, interface),
                    FeatureKind::Pooled(pool) if pool.is_of_the_whole() => source.float32(b, &source.value),
                    // Of half precision, the first tokens alone are made float32.
                    FeatureKind::Pooled(Pool::Cls) => {
                        let tokens = source.three_axes(b, interface);
                        let first = b.integer(0);
                        let first = b.gather(&tokens, &first, 1);
                        source.float32(b, &first)
                    }
                    FeatureKind::Pooled(pool) => {
                        let tokens = source.tokens(b, interface);
                        pooling.add(b, pool, &tokens).unwrap_or(tokens)
                    }
                };
                if feature.normalised { normalised(b, &vector) } else { vector }
            })
            .collect();
        // A column's name may be another value's in a foreign graph: first all go out of the way.
        let aside = values.iter().map(|value| {
            let name = b.fresh("output");
            b.rename(value, &name)
        });
        aside.collect::<Vec<_>>()
    });
    let mut columns = Vec::new();
    for (feature, value) in features.iter().zip(&outputs) {
        let column = feature.column(interface.last_layer());
        let [batch, seq, hidden] = [Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(interface.hidden_size)];
        let axes = match feature.kind {
            FeatureKind::Tokens => vec![batch, seq, hidden],
            // A foreign pooled output may have another width than the tokens, and so may the publisher's vector.
            FeatureKind::Pooled(pool) if pool.is_of_the_whole() => vec![batch, Axis::symbol("pooled")],
            FeatureKind::Pooled(_) => vec![batch, hidden],
        };
        b.output(value, &column, DataType::Float, &axes);
        columns.push(column);
    }
    proto.graph = Some(b.finish());
    let mut selected = Model::from_proto(proto)?;
    // The tensors it names may be gone, or be called otherwise.
    selected.set_metadata(metadata::HIDDEN_STATES, None);
    selected.set_metadata(metadata::POOLER_OUTPUT, None);
    selected.set_metadata(metadata::PUBLISHED, None);
    selected.pruned(&columns.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The last layer's tokens, float32 `[batch, seq, hidden]`.
///
/// # Errors
/// [`OnnxError::LayerNotFound`].
pub(crate) fn last_tokens(b: &mut GraphBuilder, model: &Model, interface: &Interface) -> Result<Value, OnnxError> {
    Ok(tokens(model, interface, interface.last_layer())?.tokens(b, interface))
}

/// The tensor that a feature is made from.
struct Source {
    value: Value,
    is_float32: bool,
}

impl Source {
    fn of(name: &str, is_float32: bool) -> Self {
        Self { value: Value::named(name), is_float32 }
    }

    /// What was made of the tensor, as float32.
    fn float32(&self, b: &mut GraphBuilder, made: &Value) -> Value {
        if self.is_float32 { made.clone() } else { b.cast(made, DataType::Float) }
    }

    /// Tokens, float32 `[batch, seq, hidden]`.
    fn tokens(&self, b: &mut GraphBuilder, interface: &Interface) -> Value {
        let tokens = self.three_axes(b, interface);
        self.float32(b, &tokens)
    }

    /// Tokens, `[batch, seq, hidden]`; those of some graphs are `[batch * seq, hidden]`.
    fn three_axes(&self, b: &mut GraphBuilder, interface: &Interface) -> Value {
        if !interface.hidden_states_flat {
            return self.value.clone();
        }
        let batch_and_seq = b.node("Shape", &[&Value::named(&interface.input_ids.name)], Vec::new());
        // A size that is in memory is below 2^63.
        let hidden = b.integers(&[interface.hidden_size as i64]);
        let shape = b.concat(&[&batch_and_seq, &hidden], 0);
        b.reshape(&self.value, &shape)
    }
}

fn source(model: &Model, interface: &Interface, feature: &FeatureOutput) -> Result<Source, OnnxError> {
    match feature.kind {
        FeatureKind::Pooled(Pool::Pooler) => pooler(model, interface, feature.layer),
        FeatureKind::Pooled(Pool::Published) => {
            let made = model.metadata(metadata::PUBLISHED).filter(|_| feature.layer == interface.last_layer());
            made.map(|name| Source::of(name, true)).ok_or(OnnxError::NotPublished { layer: feature.layer })
        }
        _ => tokens(model, interface, feature.layer),
    }
}

/// The tokens of a layer.
fn tokens(model: &Model, interface: &Interface, layer: usize) -> Result<Source, OnnxError> {
    let last = interface.last_layer();
    if let Some(name) = interface.hidden_states.get(layer) {
        // Of our own graphs it is known that all is float32; a cast to what a tensor is already costs nothing.
        return Ok(Source::of(name, model.metadata(metadata::HIDDEN_STATES).is_some()));
    }
    match &interface.token_output {
        Some(token) if layer == last => Ok(Source::of(&token.name, token.dtype == "float")),
        token => {
            let possible = match (interface.hidden_states.len(), token) {
                (0, None) => {
                    "it gives a sentence embedding (`pooler`) and no vector for each token, so neither other poolings \
                              nor words and tokens can be had of it; tagging needs an export with its last hidden state"
                        .to_owned()
                }
                (0, Some(_)) => format!(
                    "its layers were not found ({}), so only the last one, {last}, can be asked for; \
                     an encoder built from config.json and model.safetensors has them all",
                    interface.hidden_states_problem.as_deref().unwrap_or("nothing is recorded about them")
                ),
                (states, _) => format!("layers 0 (embeddings) to {} can be asked for", states - 1),
            };
            Err(OnnxError::LayerNotFound { layer, possible })
        }
    }
}

fn pooler(model: &Model, interface: &Interface, layer: usize) -> Result<Source, OnnxError> {
    let last = interface.last_layer();
    let missing = |possible: String| Err(OnnxError::NoPooler { layer, possible });
    if layer != last {
        return missing(format!("only the last layer, {last}, has one"));
    }
    if let Some(name) = model.metadata(metadata::POOLER_OUTPUT) {
        return Ok(Source::of(name, true));
    }
    match interface.pooled_outputs.as_slice() {
        [] => {
            let of_two_axes = |output: &&OutputTensor| output.axes.as_ref().is_some_and(|axes| axes.len() == 2);
            let others: Vec<&str> =
                interface.other_outputs.iter().filter(of_two_axes).map(|output| output.name.as_str()).collect();
            let named = match others.as_slice() {
                [] => String::new(),
                others => format!(
                    "; if one of {} is a text's vector, `larder encoder add SOURCE --pooled-output NAME` takes it",
                    others.join(", ")
                ),
            };
            missing(format!(
                "none of its outputs has the shape [batch, hidden]; `cls` and `mean` need no pooler{named}"
            ))
        }
        [only] => Ok(Source::of(&only.name, only.dtype == "float")),
        several => {
            let candidates = several.iter().map(|output| output.name.as_str()).collect::<Vec<_>>().join(", ");
            Err(OnnxError::Ambiguous { role: "pooler_output", candidates })
        }
    }
}
