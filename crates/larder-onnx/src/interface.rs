//! Recognising what a model's inputs and outputs mean, whatever they are called.

mod constant;
mod hidden_states;
mod inputs;
mod last_layer;
mod outputs;

use std::collections::BTreeMap;

pub use constant::ConstantInput;
use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::builder::Axis;
use crate::families::metadata;
use crate::graph::Producers;
use crate::pool::{FeatureKind, Pool};
use crate::proto::ValueInfoProto;
use crate::proto::tensor_proto::DataType;
use crate::proto::tensor_shape_proto::dimension;
use crate::proto::type_proto;
use crate::tensor::dtype_name;
use crate::{Model, OnnxError};

spelled_enum! {
    /// The element type of an input. Whatever it is, what is fed are whole numbers.
    pub enum InputType {
        /// 64-bit integer, as nearly all exports have.
        Int64 = "int64",
        /// 32-bit integer, as Keras has.
        Int32 = "int32",
        /// 32-bit float: some masks.
        Float32 = "float32",
        /// 16-bit float: some masks of models in half precision.
        Float16 = "float16",
        /// Truth value: some masks.
        Bool = "bool",
    }
}

impl InputType {
    /// The type that has this number in the ONNX standard.
    fn of(dtype: i32) -> Option<Self> {
        match DataType::try_from(dtype).ok()? {
            DataType::Int64 => Some(Self::Int64),
            DataType::Int32 => Some(Self::Int32),
            DataType::Float => Some(Self::Float32),
            DataType::Float16 => Some(Self::Float16),
            DataType::Bool => Some(Self::Bool),
            _ => None,
        }
    }
}

impl From<InputType> for DataType {
    fn from(dtype: InputType) -> Self {
        match dtype {
            InputType::Int64 => Self::Int64,
            InputType::Int32 => Self::Int32,
            InputType::Float32 => Self::Float,
            InputType::Float16 => Self::Float16,
            InputType::Bool => Self::Bool,
        }
    }
}

/// An input of shape `[batch, seq]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputTensor {
    /// The model's name for it.
    pub name: String,
    /// Its element type.
    pub dtype: InputType,
    /// The batch size, in rows, where it is fixed.
    pub batch: Option<usize>,
    /// The sequence length, in tokens, where it is fixed.
    pub seq: Option<usize>,
}

/// A float output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputTensor {
    /// The model's name for it.
    pub name: String,
    /// Its element type by the standard's name: `float`, `float16`, `bfloat16`, `double`.
    pub dtype: String,
    /// The size of each axis where it is fixed; `None` when the model does not even tell the rank.
    pub axes: Option<Vec<Option<usize>>>,
}

/// Names that decide where a model can be read in two ways, and the values of inputs that have one for every text. Each
/// name is the model's own for a tensor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hints {
    /// The input of token ids.
    pub input_ids: Option<String>,
    /// The input that is 1 for tokens and 0 for padding.
    pub attention_mask: Option<String>,
    /// The input that tells the two texts of a pair apart.
    pub token_type_ids: Option<String>,
    /// The input that counts the tokens.
    pub position_ids: Option<String>,
    /// The output `[batch, seq, hidden]` of the last layer.
    pub last_hidden_state: Option<String>,
    /// The output `[batch, hidden]`.
    pub pooler_output: Option<String>,
    /// The value of inputs that have one for every text: see [`ConstantInput`]. An [`Interface`] has none of them.
    pub constants: BTreeMap<String, i64>,
}

/// The meaning of an encoder's inputs and outputs, as its graph shows it. Only a run shows if the encoder honours its
/// mask, and what a pooled output is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Token ids.
    pub input_ids: InputTensor,
    /// 1 for tokens, 0 for padding; `None` when the export has no such input: it must not be fed padding.
    pub attention_mask: Option<InputTensor>,
    /// 0 for the first text, 1 for the second of a pair.
    pub token_type_ids: Option<InputTensor>,
    /// Rows of the table of token types, where it is found: every type id must be below it.
    #[serde(default)]
    pub type_rows: Option<usize>,
    /// The position of each token, for exports that do not count themselves.
    pub position_ids: Option<InputTensor>,
    /// The first token's position: families that begin to count behind the padding token's id (RoBERTa) begin at 2, where
    /// it is 1. The graph does not tell; it matters with `position_ids` only.
    #[serde(default)]
    pub first_position: usize,
    /// Inputs that nothing reads: any value will do.
    pub unread: Vec<InputTensor>,
    /// The last layer's output, `[batch, seq, hidden]`, where the model gives it.
    pub token_output: Option<OutputTensor>,
    /// Outputs of shape `[batch, hidden]`, in the model's order: candidates for a pooled output. One that was named may have
    /// another width.
    pub pooled_outputs: Vec<OutputTensor>,
    /// Float outputs that are neither, and those whose rank the model does not tell: a run shows what they are.
    pub other_outputs: Vec<OutputTensor>,
    /// Rows of the token table: every id must be below it.
    pub vocabulary_size: usize,
    /// Features of each token in the last layer.
    pub hidden_size: usize,
    /// Features of the pooled output, where they are not as many as `hidden_size`: a projection inside the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooled_size: Option<usize>,
    /// Rows of the position table, if found: the longest sequence, in tokens. Families that begin to count at an offset
    /// (RoBERTa) read fewer.
    pub position_rows: Option<usize>,
    /// Number of layers: from larder's metadata, else counted as attention blocks below the token output.
    pub layers: Option<usize>,
    /// The tensor of each hidden state, `[batch, seq, hidden]`, 0 the embeddings' and the last [`Interface::layers`]:
    /// from larder's metadata, else the tensors that every path from the token table to the token output goes through
    /// before it comes to an attention block. Empty where they are not found.
    pub hidden_states: Vec<String>,
    /// True if some hidden states hold batch and sequence as one axis, `[batch * seq, hidden]`, as some exporters write
    /// them inside the layers; [`select_features`](crate::select_features) gives all of them their three axes. A run
    /// tells.
    #[serde(default)]
    pub hidden_states_flat: bool,
    /// The reason if `hidden_states` is empty.
    #[serde(default)]
    pub hidden_states_problem: Option<String>,
}

impl Interface {
    /// Reads the meaning of inputs and outputs off the graph, never off their names: `input_ids` is what looks up the
    /// largest table, `token_type_ids` what looks up one of 16 rows or fewer, `position_ids` what looks up another or is
    /// turned into the angles of rotary positions, the mask is what remains; outputs are told
    /// apart by element type and rank, integer ones are passed over. Of several outputs `[batch, seq, ...]` those that are
    /// scores (of each token of the vocabulary, or a head's product of fewer features) are no token vectors, and of those
    /// computed one from another the last is meant that is a layer's, not a projection of one.
    ///
    /// # Errors
    /// [`OnnxError::NoInput`], [`OnnxError::UnsupportedInput`], [`OnnxError::IntegerOutputs`], or
    /// [`OnnxError::Ambiguous`] when two readings remain.
    pub fn recognise(model: &Model) -> Result<Self, OnnxError> {
        Self::recognise_with(model, &Hints::default())
    }

    /// Reads inputs and outputs as [`Interface::recognise`] does, and takes the tensors that `hints` names.
    ///
    /// # Errors
    /// As [`Interface::recognise`], and [`OnnxError::WrongHint`].
    pub fn recognise_with(model: &Model, hints: &Hints) -> Result<Self, OnnxError> {
        let producers = Producers::of(model.graph())?;
        let inputs = inputs::recognise(model, &producers, hints)?;
        let outputs = outputs::recognise(model, &producers, hints, [inputs.table_rows, inputs.table_columns])?;
        let recorded = recorded_hidden_states(model, &producers);
        let embedded = inputs.embedded.iter().map(String::as_str).collect();
        let found = match &outputs.token {
            _ if !recorded.is_empty() => Ok(recorded),
            Some(token) => hidden_states::find(model, &producers, &embedded, &token.name)
                .map(|states| states.into_iter().filter_map(|candidates| candidates.into_iter().next()).collect()),
            None => Err("the model gives no vector for each token".to_owned()),
        };
        let (hidden_states, hidden_states_problem) = match found {
            Ok(states) => (states, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let layers = match hidden_states.len() {
            0 => outputs
                .token
                .iter()
                .chain(&outputs.pooled)
                .find_map(|o| outputs::count_layers(model, &producers, &o.name)),
            states => Some(states - 1),
        };
        let hidden_size = outputs
            .token
            .as_ref()
            .and_then(|token| outputs::last_axis(token).or_else(|| outputs::normalised_axis(&producers, &token.name)))
            .unwrap_or(inputs.table_columns);
        Ok(Self {
            input_ids: inputs.input_ids,
            attention_mask: inputs.attention_mask,
            token_type_ids: inputs.token_type_ids,
            type_rows: inputs.type_rows,
            position_ids: inputs.position_ids,
            first_position: 0,
            unread: inputs.unread,
            token_output: outputs.token,
            pooled_outputs: outputs.pooled,
            other_outputs: outputs.others,
            vocabulary_size: inputs.table_rows,
            hidden_size,
            pooled_size: None,
            position_rows: inputs.position_rows,
            layers,
            hidden_states,
            hidden_states_flat: false,
            hidden_states_problem,
        })
    }

    /// Selects from `outputs`, names of tensors `[batch, seq, features]`, those that may be the last layer's: neither
    /// an earlier layer nor a projection of a layer's vectors. Several remain where the graph does not tell.
    ///
    /// # Errors
    /// [`OnnxError::DuplicateTensor`] from a graph that is not well formed.
    pub fn last_layer_among(model: &Model, outputs: &[&str]) -> Result<Vec<String>, OnnxError> {
        let producers = Producers::of(model.graph())?;
        Ok(last_layer::among(model, &producers, outputs).into_iter().map(|at| outputs[at].to_owned()).collect())
    }

    /// Returns the number of the last layer; 1 where the layers cannot be counted, so that the only layer there is has
    /// a number.
    pub fn last_layer(&self) -> usize {
        self.layers.unwrap_or(1)
    }

    /// Returns the tensors that may hold each of [`Interface::hidden_states`], likeliest first. Where an exporter
    /// flattens batch and sequence inside the layers, only a run shows which of them has the shape
    /// `[batch, seq, hidden]`. Empty where the graph tells nothing.
    ///
    /// # Errors
    /// Those of [`Interface::recognise_with`] for a model that this interface does not describe.
    pub fn layer_candidates(&self, model: &Model) -> Result<Vec<Vec<String>>, OnnxError> {
        let Some(token) = &self.token_output else { return Ok(Vec::new()) };
        let producers = Producers::of(model.graph())?;
        let hints = Hints {
            input_ids: Some(self.input_ids.name.clone()),
            attention_mask: self.attention_mask.as_ref().map(|input| input.name.clone()),
            token_type_ids: self.token_type_ids.as_ref().map(|input| input.name.clone()),
            position_ids: self.position_ids.as_ref().map(|input| input.name.clone()),
            ..Hints::default()
        };
        let inputs = inputs::recognise(model, &producers, &hints)?;
        let embedded = inputs.embedded.iter().map(String::as_str).collect();
        Ok(hidden_states::find(model, &producers, &embedded, &token.name).unwrap_or_default())
    }

    /// Returns true if every name in `hints` is that of the input or output it is given for.
    pub fn agrees_with(&self, hints: &Hints) -> bool {
        let is = |hint: &Option<String>, name: Option<&String>| hint.is_none() || hint.as_ref() == name;
        let input = |input: &Option<InputTensor>| input.as_ref().map(|input| input.name.clone());
        is(&hints.input_ids, Some(&self.input_ids.name))
            && is(&hints.attention_mask, input(&self.attention_mask).as_ref())
            && is(&hints.token_type_ids, input(&self.token_type_ids).as_ref())
            && is(&hints.position_ids, input(&self.position_ids).as_ref())
            && is(&hints.last_hidden_state, self.token_output.as_ref().map(|output| &output.name))
            && (hints.pooler_output.is_none() || self.as_hints().pooler_output == hints.pooler_output)
    }

    /// Names that make this reading the only one.
    pub fn as_hints(&self) -> Hints {
        Hints {
            input_ids: Some(self.input_ids.name.clone()),
            attention_mask: self.attention_mask.as_ref().map(|input| input.name.clone()),
            token_type_ids: self.token_type_ids.as_ref().map(|input| input.name.clone()),
            position_ids: self.position_ids.as_ref().map(|input| input.name.clone()),
            last_hidden_state: self.token_output.as_ref().map(|output| output.name.clone()),
            pooler_output: match self.pooled_outputs.as_slice() {
                [only] => Some(only.name.clone()),
                _ => None,
            },
            constants: BTreeMap::new(),
        }
    }

    /// Returns the elements of a vector of this kind, but for the publisher's, of which its recipe knows.
    pub fn width(&self, kind: FeatureKind) -> usize {
        match kind {
            FeatureKind::Pooled(Pool::Pooler) => self.pooled_size.unwrap_or(self.hidden_size),
            FeatureKind::Pooled(_) | FeatureKind::Tokens => self.hidden_size,
        }
    }

    /// Returns the model's only batch size, in rows, if it takes only one.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.inputs().find_map(|input| input.batch)
    }

    /// Notes that the model takes one text at a time, whatever its inputs declare.
    pub fn takes_one_text(&mut self) {
        let more = [&mut self.attention_mask, &mut self.token_type_ids, &mut self.position_ids];
        let inputs = more.into_iter().flatten().chain([&mut self.input_ids]);
        inputs.for_each(|input| input.batch = Some(1));
    }

    /// Returns the model's only sequence length, in tokens, if it takes only one.
    pub fn fixed_seq(&self) -> Option<usize> {
        self.inputs().find_map(|input| input.seq)
    }

    /// Returns the inputs to feed, in no particular order.
    pub fn inputs(&self) -> impl Iterator<Item = &InputTensor> {
        [Some(&self.input_ids), self.attention_mask.as_ref(), self.token_type_ids.as_ref(), self.position_ids.as_ref()]
            .into_iter()
            .flatten()
            .chain(&self.unread)
    }
}

/// The tensors that larder recorded, if all of them are there still.
fn recorded_hidden_states(model: &Model, producers: &Producers<'_>) -> Vec<String> {
    let recorded = model.metadata(metadata::HIDDEN_STATES).and_then(|json| serde_json::from_str(json).ok());
    let names: Vec<String> = recorded.unwrap_or_default();
    if names.iter().all(|name| producers.source(name).is_some()) { names } else { Vec::new() }
}

/// Element type and axes of an input or output; `None` for one that is no tensor.
fn described(info: &ValueInfoProto) -> Option<(i32, Option<Vec<Axis>>)> {
    let Some(type_proto::Value::TensorType(tensor)) = info.r#type.as_ref()?.value.as_ref() else { return None };
    let axes = tensor.shape.as_ref().map(|shape| {
        let axis = |value: &Option<dimension::Value>| match value {
            Some(dimension::Value::DimValue(size)) => usize::try_from(*size).map_or(Axis::symbol(""), Axis::Fixed),
            Some(dimension::Value::DimParam(symbol)) => Axis::symbol(symbol),
            None => Axis::symbol(""),
        };
        shape.dim.iter().map(|dim| axis(&dim.value)).collect()
    });
    Some((tensor.elem_type(), axes))
}

fn fixed(axis: &Axis) -> Option<usize> {
    match axis {
        Axis::Fixed(size) => Some(*size),
        Axis::Symbol(_) => None,
    }
}

/// Describes an input or output for a message: `name (int64 [batch, 128])`.
fn described_text(info: &ValueInfoProto) -> String {
    let Some((dtype, axes)) = described(info) else { return format!("{} (no tensor)", info.name()) };
    let axes = axes.map_or("of unknown rank".to_owned(), |axes| {
        let axes = axes.iter().map(|axis| match axis {
            Axis::Fixed(size) => size.to_string(),
            Axis::Symbol(symbol) if symbol.is_empty() => "?".to_owned(),
            Axis::Symbol(symbol) => symbol.clone(),
        });
        format!("[{}]", axes.collect::<Vec<_>>().join(", "))
    });
    format!("{} ({} {axes})", info.name(), dtype_name(dtype))
}

pub(crate) fn is_float(dtype: i32) -> bool {
    matches!(DataType::try_from(dtype), Ok(DataType::Float | DataType::Float16 | DataType::Bfloat16 | DataType::Double))
}

/// The one tensor that has a meaning: the hinted one, else the only candidate.
fn decide<'a>(
    role: &'static str,
    hint: Option<&String>,
    all: &[&'a ValueInfoProto],
    candidates: &[&'a ValueInfoProto],
) -> Result<Option<&'a ValueInfoProto>, OnnxError> {
    let text = |infos: &[&ValueInfoProto]| infos.iter().map(|info| described_text(info)).collect::<Vec<_>>().join(", ");
    match (hint, candidates) {
        (Some(name), _) => match all.iter().find(|info| info.name() == name) {
            Some(info) => Ok(Some(info)),
            None => Err(OnnxError::WrongHint { role, found: name.clone(), candidates: text(all) }),
        },
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only)),
        (None, several) => Err(OnnxError::Ambiguous { role, candidates: text(several) }),
    }
}
