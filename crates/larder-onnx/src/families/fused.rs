//! The graph of an encoder in ONNX Runtime's own operators, each of which does what takes several standard ones:
//! embeddings with their normalisation, attention with its three products, normalisation with the residual before it, the
//! activation with its bias. Made for GPUs, where each node is a launch and each intermediate a trip through memory; on a
//! CPU the plain graph ([`build`](super::build)) runs.
//!
//! Operators and their shapes: <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>.

use half::f16;

use super::embeddings::positions_after;
use super::graph::set_metadata;
use super::layout::{LayerModules, Norms, Positions, Projection};
use super::{Activation, EncoderConfig};
use crate::builder::{Axis, GraphBuilder, Value};
use crate::proto::tensor_proto::DataType;
use crate::proto::{AttributeProto, NodeProto, OperatorSetIdProto, TensorProto};
use crate::quantise::MICROSOFT;
use crate::{Model, OnnxError, Weights, attribute};

/// The form of a graph of fused operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FusedForm {
    /// Parameters and activations in float16; what leaves the graph is float32, and so are the sums of pooling.
    pub half: bool,
    /// No padding inside the layers: the tokens of all texts stand behind one another, `[tokens, hidden]`. Its operators
    /// (`RemovePadding`, `PackedAttention`, `RestorePadding`) have kernels for CUDA alone.
    pub packed: bool,
}

/// Builds the encoder `config` describes, with `weights`, in ONNX Runtime's fused operators. Inputs, outputs, names of
/// hidden states and metadata are those of [`build`](super::build); hidden states are float32 whatever runs inside.
///
/// # Errors
/// [`OnnxError::ConfigValue`] for a family with relative or rotary positions, which no fused operator knows in every form, or with
/// normalisations in front of its blocks; and what
/// [`build`](super::build) says.
pub fn build_fused(config: &EncoderConfig, weights: &Weights, form: FusedForm) -> Result<Model, OnnxError> {
    config.check()?;
    let layout = config.family.layout();
    let has_other_positions =
        layout.relative_attention.is_some() || layout.disentangled.is_some() || layout.positions == Positions::Rotary;
    if has_other_positions || layout.norms != Norms::Behind {
        let supported = "a family with a table of positions, and normalisations behind its blocks".to_owned();
        return Err(OnnxError::ConfigValue { key: "model_type", found: config.family.to_string(), supported });
    }
    let prefix = weights.prefix(config.family);
    let pooler = layout.pooler.filter(|module| weights.contains(&format!("{prefix}{module}.weight")));
    let mut fused = Fused { config, weights, prefix, form, b: GraphBuilder::new(config.family.as_str(), super::OPSET) };
    let hidden_states = fused.build(pooler)?;
    let mut proto = Model::from_graph(fused.b.finish(), super::OPSET)?.into_proto();
    proto.opset_import.push(OperatorSetIdProto { domain: Some(MICROSOFT.to_owned()), version: Some(1) });
    let mut model = Model::from_proto(proto)?;
    set_metadata(&mut model, config, hidden_states, pooler);
    Ok(model)
}

struct Fused<'a> {
    config: &'a EncoderConfig,
    weights: &'a Weights,
    prefix: String,
    form: FusedForm,
    b: GraphBuilder,
}

/// The form in which attention reads the padding mask.
enum Padding {
    /// int32 `[batch, seq]`, 1 for tokens.
    Mask(Value),
    /// `token_offset`, int32 `[batch, seq]`, and `cumulative_sequence_length`, int32 `[batch + 1]`.
    Packed { offsets: Value, lengths: Value },
}

impl Fused<'_> {
    fn build(&mut self, pooler: Option<&str>) -> Result<Vec<String>, OnnxError> {
        let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
        let mut input = |name| self.b.input(name, DataType::Int64, &axes);
        let (input_ids, attention_mask) = (input("input_ids"), input("attention_mask"));
        let token_type_ids = (self.config.type_vocab_size > 1).then(|| input("token_type_ids"));
        let mask = self.b.cast(&attention_mask, DataType::Int32);

        let embedded = self.embeddings(&input_ids, token_type_ids.as_ref())?;
        let (mut x, padding) = match self.form.packed {
            false => (embedded.clone(), Padding::Mask(mask)),
            true => {
                let lengths = self.b.reduce_sum(&mask, &[1], false);
                let [packed, offsets, lengths, _longest] = self.nodes("RemovePadding", &[&embedded, &lengths], vec![]);
                (packed, Padding::Packed { offsets, lengths })
            }
        };
        let mut hidden_states = vec![self.hidden_state(&embedded, "hidden_states.0")];
        let last = self.config.num_hidden_layers;
        for layer in 1..=last {
            let modules = self.config.layer_modules(self.config.group(layer - 1));
            x = self.layer(&x, &modules, &padding)?;
            let name = if layer == last { "last_hidden_state".to_owned() } else { format!("hidden_states.{layer}") };
            let whole = match &padding {
                Padding::Mask(_) => x.clone(),
                Padding::Packed { offsets, .. } => self.b.node_of(MICROSOFT, "RestorePadding", &[&x, offsets], vec![]),
            };
            hidden_states.push(self.hidden_state(&whole, &name));
        }
        let [batch, seq] = axes;
        let hidden = Axis::Fixed(self.config.hidden_size);
        let tokens = Value::named("last_hidden_state");
        self.b.output(&tokens, "last_hidden_state", DataType::Float, &[batch.clone(), seq, hidden.clone()]);
        if let Some(module) = pooler {
            let first = self.b.integer(0);
            let cls = self.b.gather(&tokens, &first, 1);
            let [out, inner] = [self.config.hidden_size; 2];
            // One product a text, in full precision.
            let weight = self.parameter(module, "weight", &[out, inner], false)?;
            let bias = self.parameter(module, "bias", &[out], false)?;
            let dense = self.b.linear(&cls, &weight, &bias);
            let pooled = self.b.tanh(&dense);
            self.b.output(&pooled, "pooler_output", DataType::Float, &[batch, hidden]);
        }
        Ok(hidden_states)
    }

    /// A layer's output for those who ask for it: float32, under its name.
    fn hidden_state(&mut self, x: &Value, name: &str) -> String {
        let value = if self.form.half { self.b.cast(x, DataType::Float) } else { self.b.identity(x) };
        self.b.rename(&value, name).to_string()
    }

    /// `[batch, seq, hidden]`.
    fn embeddings(&mut self, input_ids: &Value, token_type_ids: Option<&Value>) -> Result<Value, OnnxError> {
        let config = self.config;
        let size = config.embedding_size;
        let words =
            self.parameter("embeddings.word_embeddings", "weight", &[config.vocab_size, size], self.form.half)?;
        let positions = self.positions(token_type_ids.is_none())?;
        let ids = self.b.cast(input_ids, DataType::Int32);
        let types = match token_type_ids {
            Some(ids) => {
                let shape = [config.type_vocab_size, size];
                let table = self.parameter("embeddings.token_type_embeddings", "weight", &shape, self.form.half)?;
                Some((self.b.cast(ids, DataType::Int32), table))
            }
            None => None,
        };
        let scale = self.parameter("embeddings.LayerNorm", "weight", &[size], self.form.half)?;
        let shift = self.parameter("embeddings.LayerNorm", "bias", &[size], self.form.half)?;
        let places = config.position_padding().map(|padding| {
            let places = positions_after(&mut self.b, input_ids, padding);
            self.b.cast(&places, DataType::Int32)
        });
        let none = Value::named("");
        let (type_ids, type_table) = types.map_or((none.clone(), none.clone()), |types| types);
        let mut inputs = vec![&ids, &type_ids, &words, &positions, &type_table, &scale, &shift];
        if let Some(places) = &places {
            inputs.extend([&none, places]);
        }
        let epsilon = attribute::float("epsilon", config.layer_norm_eps as f32);
        let [embedded, _mask_index] = self.nodes("EmbedLayerNormalization", &inputs, vec![epsilon]);
        match config.projection().map(Projection::module) {
            None => Ok(embedded),
            Some(module) => {
                let product = self.product(module, &embedded, config.hidden_size, size)?;
                let bias = self.parameter(module, "bias", &[config.hidden_size], self.form.half)?;
                Ok(self.b.add(&product, &bias))
            }
        }
    }

    /// The position table. The rows that all tokens take are added to each of its rows here, once: of their type, where there is one
    /// alone, and of their task.
    fn positions(&mut self, one_type: bool) -> Result<Value, OnnxError> {
        let (rows, size) = (self.config.max_position_embeddings, self.config.embedding_size);
        let get = |name: &str, shape: &[usize]| self.weights.get(&format!("{}{name}", self.prefix), shape);
        let name = "embeddings.position_embeddings.weight";
        let mut table = get(name, &[rows, size])?.to_vec();
        let mut taken = Vec::new();
        if one_type && self.config.type_vocab_size == 1 {
            taken.push(get("embeddings.token_type_embeddings.weight", &[1, size])?);
        }
        let tasks = self.config.task_type_vocab_size;
        if let Some(module) = self.config.family.layout().task_types.filter(|_| tasks > 0) {
            taken.push(&get(&format!("{module}.weight"), &[tasks, size])?[..size]);
        }
        for row in taken {
            for place in table.chunks_exact_mut(size.max(1)) {
                place.iter_mut().zip(row).for_each(|(value, add)| *value += add);
            }
        }
        Ok(self.b.initializer(tensor(name, &[rows, size], &table, self.form.half)))
    }

    fn layer(&mut self, x: &Value, modules: &LayerModules, padding: &Padding) -> Result<Value, OnnxError> {
        let (hidden, inner) = (self.config.hidden_size, self.config.intermediate_size);
        let (weight, bias) = self.merged(modules)?;
        let heads = attribute::int("num_heads", self.config.num_attention_heads as i64);
        let context = match padding {
            Padding::Mask(mask) => {
                let masked = attribute::float("mask_filter_value", super::MASKED_SCORE);
                self.b.node_of(MICROSOFT, "Attention", &[x, &weight, &bias, mask], vec![heads, masked])
            }
            Padding::Packed { offsets, lengths } => {
                let inputs = [x, &weight, &bias, offsets, lengths];
                self.b.node_of(MICROSOFT, "PackedAttention", &inputs, vec![heads])
            }
        };
        let product = self.product(&modules.attention_output, &context, hidden, hidden)?;
        let attended = self.normalised(&product, x, &modules.attention_output, &modules.attention_norm)?;
        let wide = self.product(&modules.intermediate, &attended, inner, hidden)?;
        let bias = self.parameter(&modules.intermediate, "bias", &[inner], self.form.half)?;
        let active = match self.config.hidden_act {
            Activation::Gelu => self.b.node_of(MICROSOFT, "BiasGelu", &[&wide, &bias], vec![]),
            Activation::GeluNew => self.b.node_of(MICROSOFT, "FastGelu", &[&wide, &bias], vec![]),
            Activation::Relu => {
                let sum = self.b.add(&wide, &bias);
                self.b.relu(&sum)
            }
            Activation::Silu => {
                let sum = self.b.add(&wide, &bias);
                let gate = self.b.sigmoid(&sum);
                self.b.mul(&sum, &gate)
            }
        };
        let product = self.product(&modules.output, &active, hidden, inner)?;
        self.normalised(&product, &attended, &modules.output, &modules.output_norm)
    }

    /// Query, key and value side by side: `[hidden, 3 * hidden]` and `[3 * hidden]`, as the attention operators take them.
    fn merged(&mut self, modules: &LayerModules) -> Result<(Value, Value), OnnxError> {
        let hidden = self.config.hidden_size;
        let parts = [&modules.query, &modules.key, &modules.value];
        let get = |module: &str, part: &str, shape: &[usize]| {
            self.weights.get(&format!("{}{module}.{part}", self.prefix), shape)
        };
        let weights = parts.map(|module| get(module, "weight", &[hidden, hidden]));
        let [query, key, value] = weights;
        let weights = [query?, key?, value?];
        let mut merged = Vec::with_capacity(3 * hidden * hidden);
        for input in 0..hidden {
            for weight in weights {
                merged.extend((0..hidden).map(|output| weight[output * hidden + input]));
            }
        }
        let mut biases = Vec::with_capacity(3 * hidden);
        for module in parts {
            biases.extend_from_slice(get(module, "bias", &[hidden])?);
        }
        let name = format!("{}.merged", modules.query);
        let weight = tensor(&format!("{name}.weight"), &[hidden, 3 * hidden], &merged, self.form.half);
        let bias = tensor(&format!("{name}.bias"), &[3 * hidden], &biases, self.form.half);
        Ok((self.b.initializer(weight), self.b.initializer(bias)))
    }

    /// `x · weightᵀ`, the weight stored transposed.
    fn product(&mut self, module: &str, x: &Value, output: usize, input: usize) -> Result<Value, OnnxError> {
        let values = self.weights.get(&format!("{}{module}.weight", self.prefix), &[output, input])?;
        let transposed: Vec<f32> =
            (0..input).flat_map(|column| (0..output).map(move |row| values[row * input + column])).collect();
        let name = format!("{module}.weight.transposed");
        let weight = self.b.initializer(tensor(&name, &[input, output], &transposed, self.form.half));
        Ok(self.b.mat_mul(x, &weight))
    }

    /// The bias of `dense`, the residual and the normalisation in one.
    fn normalised(&mut self, product: &Value, skip: &Value, dense: &str, norm: &str) -> Result<Value, OnnxError> {
        let size = [self.config.hidden_size];
        let scale = self.parameter(norm, "weight", &size, self.form.half)?;
        let shift = self.parameter(norm, "bias", &size, self.form.half)?;
        let bias = self.parameter(dense, "bias", &size, self.form.half)?;
        let epsilon = attribute::float("epsilon", self.config.layer_norm_eps as f32);
        let inputs = [product, skip, &scale, &shift, &bias];
        Ok(self.b.node_of(MICROSOFT, "SkipLayerNormalization", &inputs, vec![epsilon]))
    }

    fn parameter(&mut self, module: &str, part: &str, shape: &[usize], half: bool) -> Result<Value, OnnxError> {
        let name = format!("{module}.{part}");
        let values = self.weights.get(&format!("{}{name}", self.prefix), shape)?;
        Ok(self.b.initializer(tensor(&name, shape, values, half)))
    }

    /// A node of ONNX Runtime's domain with several outputs.
    fn nodes<const N: usize>(
        &mut self,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> [Value; N] {
        let name = self.b.fresh(op_type);
        let outputs = std::array::from_fn(|_| self.b.fresh(&format!("{op_type}.output")));
        self.b.push(NodeProto {
            name: Some(name),
            op_type: Some(op_type.to_owned()),
            domain: Some(MICROSOFT.to_owned()),
            input: inputs.iter().map(|value| value.name().to_owned()).collect(),
            output: outputs.to_vec(),
            attribute: attributes,
            ..Default::default()
        });
        outputs.map(|name| Value::named(&name))
    }
}

fn tensor(name: &str, shape: &[usize], values: &[f32], half: bool) -> TensorProto {
    if !half {
        return TensorProto::from_f32(name, shape, values);
    }
    // Beyond float16's range a value would be infinite; no trained weight is, and the largest number is the nearest.
    let rounded = values.iter().map(|value| f16::from_f32(value.clamp(-65504.0, 65504.0)));
    let raw = rounded.flat_map(f16::to_le_bytes).collect();
    TensorProto::from_raw(name, shape, DataType::Float16, raw)
}
