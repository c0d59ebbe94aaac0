//! Cutting an encoder down to the features that are wanted, with the pooling inside the graph.

use serde::{Deserialize, Serialize};

use crate::builder::{Axis, GraphBuilder, Value};
use crate::families::metadata;
use crate::interface::{Interface, OutputTensor};
use crate::pool::FeatureKind;
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
}

impl FeatureOutput {
    /// Returns the name of the output and of its column for an encoder with that many layers: `cls`, `mean`, `pooler`
    /// or `embedding` for the last layer, `mean_l4` and so on for another.
    pub fn column(&self, layers: usize) -> String {
        let kind = match self.kind {
            FeatureKind::Tokens => "embedding",
            kind => kind.as_str(),
        };
        if self.layer == layers { kind.to_owned() } else { format!("{kind}_l{}", self.layer) }
    }
}

/// Makes a model whose outputs are exactly the features `wanted`, in that order and each once. Each is named by
/// [`FeatureOutput::column`] and float32: `[batch, hidden]`, tokens `[batch, seq, hidden]`. Whatever they do not need
/// is removed: without `pooler` no pooler runs, and no layer above the highest that is asked for.
///
/// - `cls` is the first token's vector.
/// - `mean` is `Σ h·mask / max(Σ mask, 1)` over the tokens, summed in float32; of a model without a mask the mean of all.
/// - `pooler` is the model's own pooled output, of the last layer only.
///
/// The inputs stay as they are, so that whoever feeds the model feeds the same tensors.
///
/// # Errors
/// [`OnnxError::NothingAsked`]; [`OnnxError::LayerNotFound`] for a layer that the model does not show;
/// [`OnnxError::NoPooler`]; [`OnnxError::Ambiguous`] when several outputs could be the pooled one.
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
        let mut pooling = Pooling { b, interface, mask: None };
        let values: Vec<Value> = features
            .iter()
            .zip(&sources)
            .map(|(feature, (value, is_float32))| {
                let flat = interface.hidden_states_flat && feature.kind != FeatureKind::Pooler;
                let value = if flat { pooling.three_axes(value) } else { value.clone() };
                pooling.add(feature.kind, &(value, *is_float32))
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
            FeatureKind::Cls | FeatureKind::Mean => vec![batch, hidden],
            // A foreign pooled output may have another width than the tokens.
            FeatureKind::Pooler => vec![batch, Axis::symbol("pooled")],
        };
        b.output(value, &column, DataType::Float, &axes);
        columns.push(column);
    }
    proto.graph = Some(b.finish());
    let mut selected = Model::from_proto(proto)?;
    // The tensors it names may be gone, or be called otherwise.
    selected.set_metadata(metadata::HIDDEN_STATES, None);
    selected.set_metadata(metadata::POOLER_OUTPUT, None);
    selected.pruned(&columns.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The tensor that a feature is made from, and whether it is float32.
fn source(model: &Model, interface: &Interface, feature: &FeatureOutput) -> Result<(Value, bool), OnnxError> {
    let last = interface.last_layer();
    if feature.kind == FeatureKind::Pooler {
        return pooler(model, interface, feature.layer);
    }
    if let Some(name) = interface.hidden_states.get(feature.layer) {
        // Of our own graphs it is known that all is float32; a cast to what a tensor is already costs nothing.
        return Ok((Value::named(name), model.metadata(metadata::HIDDEN_STATES).is_some()));
    }
    match &interface.token_output {
        Some(token) if feature.layer == last => Ok((Value::named(&token.name), token.dtype == "float")),
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
            Err(OnnxError::LayerNotFound { layer: feature.layer, possible })
        }
    }
}

fn pooler(model: &Model, interface: &Interface, layer: usize) -> Result<(Value, bool), OnnxError> {
    let last = interface.last_layer();
    let missing = |possible: String| Err(OnnxError::NoPooler { layer, possible });
    if layer != last {
        return missing(format!("only the last layer, {last}, has one"));
    }
    if let Some(name) = model.metadata(metadata::POOLER_OUTPUT) {
        return Ok((Value::named(name), true));
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
        [only] => Ok((Value::named(&only.name), only.dtype == "float")),
        several => {
            let candidates = several.iter().map(|output| output.name.as_str()).collect::<Vec<_>>().join(", ");
            Err(OnnxError::Ambiguous { role: "pooler_output", candidates })
        }
    }
}

struct Pooling<'a> {
    b: &'a mut GraphBuilder,
    interface: &'a Interface,
    /// Made once for all means: the mask `[batch, seq, 1]` and the tokens it marks, at least one, `[batch, 1]`.
    mask: Option<(Value, Value)>,
}

impl Pooling<'_> {
    fn add(&mut self, kind: FeatureKind, (tensor, is_float32): &(Value, bool)) -> Value {
        match kind {
            FeatureKind::Cls => {
                let first = self.b.integer(0);
                let cls = self.b.gather(tensor, &first, 1);
                self.float32(&cls, *is_float32)
            }
            FeatureKind::Mean => {
                let tokens = self.float32(tensor, *is_float32);
                self.mean(&tokens)
            }
            FeatureKind::Pooler | FeatureKind::Tokens => self.float32(tensor, *is_float32),
        }
    }

    /// `[batch * seq, hidden]` as `[batch, seq, hidden]`; what has three axes keeps them.
    fn three_axes(&mut self, x: &Value) -> Value {
        let batch_and_seq = self.b.node("Shape", &[&Value::named(&self.interface.input_ids.name)], Vec::new());
        // A size that is in memory is below 2^63.
        let hidden = self.b.integers(&[self.interface.hidden_size as i64]);
        let shape = self.b.concat(&[&batch_and_seq, &hidden], 0);
        self.b.reshape(x, &shape)
    }

    fn float32(&mut self, x: &Value, is_float32: bool) -> Value {
        if is_float32 { x.clone() } else { self.b.cast(x, DataType::Float) }
    }

    fn mean(&mut self, tokens: &Value) -> Value {
        let Some(mask) = &self.interface.attention_mask else {
            return self.b.reduce_mean(tokens, &[1], false);
        };
        let (mask, count) = match self.mask.take() {
            Some(made) => made,
            None => {
                let mask = self.b.cast(&Value::named(&mask.name), DataType::Float);
                let count = self.b.reduce_sum(&mask, &[1], true);
                let one = self.b.scalar("one", 1.0);
                let count = self.b.max(&count, &one);
                (self.b.unsqueeze(&mask, &[2]), count)
            }
        };
        // Not a matrix product of mask and tokens: a GPU may round its inputs to fewer bits.
        let kept = self.b.mul(tokens, &mask);
        let sum = self.b.reduce_sum(&kept, &[1], false);
        let mean = self.b.div(&sum, &count);
        self.mask = Some((mask, count));
        mean
    }
}
