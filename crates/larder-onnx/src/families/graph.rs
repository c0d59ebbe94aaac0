//! The graph of an encoder in standard operators: one for all families, which differ in their [`Layout`].
//!
//! Laid out for ONNX Runtime's CPU kernels, by measurement (docs/bert-graph.md beside this crate's sources): activations run
//! through the layers as `[batch · seq, hidden]`, so that each product with its bias is one `Gemm`, which the runtime
//! packs once for a weight stored as published, `[out, in]`; heads are split with one shape computed once for all layers.

use super::convolved::convolution;
use super::distances::Distances;
use super::embeddings::{embeddings, relative_bias};
use super::layout::{Gate, LayerModules, Layout, Norms};
use super::modules::{linear, norm};
use super::rotary::{Angles, local_mask};
use super::{Biases, EncoderConfig, metadata};
use crate::builder::{Axis, GraphBuilder, Value};
use crate::proto::TensorProto;
use crate::proto::tensor_proto::DataType;
use crate::{Model, OnnxError, Weights};

/// Operator set of the graph: the first with `LayerNormalization`; every kernel it needs is in the stock runtime.
pub const OPSET: i64 = 17;

/// Added to the attention scores of masked tokens. `exp` makes exactly zero of it beside any unmasked score, in float16
/// as well, where the lowest float32 would become minus infinity; and a row with nothing but masked tokens stays finite.
pub const MASKED_SCORE: f32 = -10000.0;

/// Builds the encoder `config` describes, with `weights`.
///
/// Inputs, all int64 `[batch, seq]`: `input_ids`; `attention_mask`, 1 for tokens and 0 for padding; `token_type_ids` where
/// there are two types or more. Outputs, float32: `last_hidden_state` `[batch, seq, hidden]`; `pooler_output`
/// `[batch, hidden]` if the weights have a pooler. The hidden states of every layer are tensors inside, named in the
/// model's [`metadata::HIDDEN_STATES`]. Every parameter is an initializer under its published name, in its published
/// layout, and once, also where layers share it.
///
/// # Errors
/// [`OnnxError::ConfigValue`], [`OnnxError::MissingWeight`], [`OnnxError::WeightShape`], [`OnnxError::WeightDtype`].
pub fn build(config: &EncoderConfig, weights: &Weights) -> Result<Model, OnnxError> {
    build_for(config, weights, false)
}

/// The same graph for parameters that change from run to run. Products of parameters with parameters, which a session computes once
/// of constants, are made of what a batch reads of them alone.
///
/// # Errors
/// As [`build`].
pub fn build_to_train(config: &EncoderConfig, weights: &Weights) -> Result<Model, OnnxError> {
    build_for(config, weights, true)
}

fn build_for(config: &EncoderConfig, weights: &Weights, to_train: bool) -> Result<Model, OnnxError> {
    config.check()?;
    let layout = config.family.layout();
    let prefix = weights.prefix(config.family);
    let pooler = layout.pooler.filter(|module| weights.contains(&format!("{prefix}{module}.weight")));
    let mut b = GraphBuilder::new(config.family.as_str(), OPSET);
    for parameter in config.parameters(pooler.is_some()) {
        let values = weights.get(&format!("{prefix}{}", parameter.name), &parameter.shape)?;
        b.initializer(TensorProto::from_f32(&parameter.name, &parameter.shape, values));
    }
    let hidden_states = Encoder { config, layout, pooler, to_train }.build(&mut b);

    let mut model = Model::from_graph(b.finish(), OPSET)?;
    set_metadata(&mut model, config, hidden_states, pooler);
    Ok(model)
}

/// Writes down what the graph does not say of itself.
pub(super) fn set_metadata(
    model: &mut Model,
    config: &EncoderConfig,
    hidden_states: Vec<String>,
    pooler: Option<&str>,
) {
    let names = serde_json::Value::from(hidden_states).to_string();
    model.set_metadata(metadata::FAMILY, Some(config.family.as_str()));
    model.set_metadata(metadata::HIDDEN_STATES, Some(&names));
    model.set_metadata(metadata::HEADS, Some(&config.num_attention_heads.to_string()));
    model.set_metadata(metadata::MAX_POSITIONS, Some(&config.max_positions().to_string()));
    model.set_metadata(metadata::POOLER_OUTPUT, pooler.map(|_| "pooler_output"));
}

/// Tensors that every layer reads, computed once.
struct Shared {
    /// int64 `[4]`: batch, seq, heads, features of a head.
    heads: Value,
    /// Where heads of keys and values are fewer: int64 `[4]`, batch, seq, those, features of a head; and once they are repeated
    /// batch, heads, seq, features of a head.
    few_heads: Option<[Value; 2]>,
    /// Where neighbouring features turn together: int64 `[5]`, batch, seq, heads, pairs, 2; and `[4]`, batch, heads, seq, features of
    /// a head.
    pairs: Option<[Value; 2]>,
    /// int64 `[3]`: batch, seq, hidden.
    tokens: Value,
    /// float `[batch, 1, 1, seq]`: 0 or [`MASKED_SCORE`]; with relative positions `[batch, heads, seq, seq]`.
    mask: Value,
    /// Of rotary positions: the angles of layers that attend to all tokens.
    angles: Option<Angles>,
    /// Where some layers attend to near tokens alone: their mask, `[batch, 1, seq, seq]`, and their angles.
    local: Option<(Value, Angles)>,
    /// Where scores have terms of the distance of two tokens.
    distances: Option<Distances>,
}

struct Encoder<'a> {
    config: &'a EncoderConfig,
    layout: &'static Layout,
    pooler: Option<&'static str>,
    to_train: bool,
}

impl Encoder<'_> {
    /// Adds everything; gives the names of the hidden states.
    fn build(&self, b: &mut GraphBuilder) -> Vec<String> {
        let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
        let mut input = |name| b.input(name, DataType::Int64, &axes);
        let (input_ids, attention_mask) = (input("input_ids"), input("attention_mask"));
        let token_type_ids = (self.config.type_vocab_size > 1).then(|| input("token_type_ids"));

        let embedded = b.scoped("embeddings", |b| embeddings(b, self.config, &input_ids, token_type_ids.as_ref()));
        let mut tokens = b.rename(&embedded, "hidden_states.0");
        let mut hidden_states = vec![tokens.to_string()];
        let shared = b.scoped("encoder", |b| self.shared(b, &input_ids, &attention_mask));

        let embedded = tokens.clone();
        let flat = b.integers(&[-1, as_i64(self.config.hidden_size)]);
        let mut x = b.reshape(&tokens, &flat);
        let last = self.config.num_hidden_layers;
        for layer in 1..=last {
            let modules = self.config.layer_modules(self.config.group(layer - 1));
            let scope = format!("encoder.layer.{}", layer - 1);
            x = b.scoped(&scope, |b| self.layer(b, &x, &modules, &shared, layer - 1));
            if let (1, Some(activation), Some(names)) = (layer, self.config.convolution, &self.layout.convolution) {
                let scope = format!("{scope}.convolution");
                let read = [&embedded, &x];
                x = b.scoped(&scope, |b| convolution(b, self.config, names, activation, read, &attention_mask));
            }
            if let (Norms::InFront { last: module, .. }, true) = (self.layout.norms, layer == last) {
                x = b.scoped("encoder.last", |b| norm(b, module, &x, self.config));
            }
            tokens = b.reshape(&x, &shared.tokens);
            let name = if layer == last { "last_hidden_state".to_owned() } else { format!("hidden_states.{layer}") };
            tokens = b.rename(&tokens, &name);
            hidden_states.push(name);
        }

        let [batch, seq] = axes;
        let hidden = Axis::Fixed(self.config.hidden_size);
        b.output(&tokens, "last_hidden_state", DataType::Float, &[batch.clone(), seq, hidden.clone()]);
        if let Some(module) = self.pooler {
            let pooled = b.scoped("pooler", |b| {
                let first = b.integer(0);
                let cls = b.gather(&tokens, &first, 1);
                let dense = b.scoped("dense", |b| linear(b, module, &cls, true));
                b.tanh(&dense)
            });
            b.output(&pooled, "pooler_output", DataType::Float, &[batch, hidden]);
        }
        hidden_states
    }

    fn shared(&self, b: &mut GraphBuilder, input_ids: &Value, attention_mask: &Value) -> Shared {
        let batch_seq = b.shape(input_ids, 0, 2);
        let head = as_i64(self.config.head_size());
        let heads = b.integers(&[as_i64(self.config.num_attention_heads), head]);
        let heads = b.concat(&[&batch_seq, &heads], 0);
        let few_heads = self.config.num_key_value_heads.map(|few| {
            let few = b.integers(&[as_i64(few), head]);
            [b.concat(&[&batch_seq, &few], 0), self.heads_first(b, input_ids)]
        });
        let pairs = self.layout.neighbours_turn.then(|| {
            let pairs = b.integers(&[as_i64(self.config.num_attention_heads), head / 2, 2]);
            [b.concat(&[&batch_seq, &pairs], 0), self.heads_first(b, input_ids)]
        });
        let hidden = b.integers(&[as_i64(self.config.hidden_size)]);
        let tokens = b.concat(&[&batch_seq, &hidden], 0);

        let mask = b.cast(attention_mask, DataType::Float);
        let mask = b.unsqueeze(&mask, &[1, 2]);
        let one = b.scalar("one", 1.0);
        let masked = b.scalar("masked_score", MASKED_SCORE);
        let mask = b.sub(&one, &mask);
        let mut mask = b.mul(&mask, &masked);
        if let Some(table) = self.layout.relative_attention {
            let bias = b.scoped("relative", |b| relative_bias(b, self.config, table, input_ids));
            mask = b.add(&mask, &bias);
        }
        let (mut angles, mut local) = (None, None);
        if let Some(rotary) = &self.config.rotary {
            let (rows, head) = (self.config.max_position_embeddings, self.config.head_size());
            let factor = rotary.ntk_factor;
            angles = Some(Angles::new(b, rows, head, rotary.global_theta, factor, input_ids));
            if (0..self.config.num_hidden_layers).any(|layer| rotary.is_local(layer)) {
                let near = b.scoped("local", |b| local_mask(b, rows, rotary.local_attention, &masked, input_ids));
                let mask = b.add(&mask, &near);
                local = Some((mask, Angles::new(b, rows, head, rotary.local_theta, factor, input_ids)));
            }
        }
        let distances = b.scoped("distances", |b| Distances::new(b, self.config, input_ids, self.to_train));
        Shared { heads, few_heads, pairs, tokens, mask, angles, local, distances }
    }

    /// int64 `[4]`: batch, heads, seq, features of a head.
    fn heads_first(&self, b: &mut GraphBuilder, input_ids: &Value) -> Value {
        let (batch, seq) = (b.shape(input_ids, 0, 1), b.shape(input_ids, 1, 2));
        let sizes = [self.config.num_attention_heads, self.config.head_size()];
        let [heads, head] = sizes.map(|size| b.integers(&[as_i64(size)]));
        b.concat(&[&batch, &heads, &seq, &head], 0)
    }

    /// Parts of `x`, `[…, parts · width]`, along its last axis, which is that one.
    fn columns<const PARTS: usize>(&self, b: &mut GraphBuilder, x: &Value, axis: i64, width: usize) -> [Value; PARTS] {
        let (axis, width) = (b.integers(&[axis]), as_i64(width));
        std::array::from_fn(|part| {
            let (from, to) = (b.integers(&[as_i64(part) * width]), b.integers(&[as_i64(part + 1) * width]));
            b.slice(x, &from, &to, &axis)
        })
    }

    /// One layer, from `[batch · seq, hidden]` to the same.
    fn layer(&self, b: &mut GraphBuilder, x: &Value, modules: &LayerModules, shared: &Shared, number: usize) -> Value {
        let Biases { attention, mlp, mlp_output, .. } = self.config.biases;
        let in_front = self.layout.norms != Norms::Behind;
        let attended = b.scoped("attention", |b| {
            let read = match in_front && self.layout.norms.of_attention(number) {
                true => norm(b, &modules.attention_norm, x, self.config),
                false => x.clone(),
            };
            let context = b.scoped("self", |b| self.attention(b, &read, modules, shared, number));
            b.scoped("output", |b| {
                let product = b.scoped("dense", |b| linear(b, &modules.attention_output, &context, attention));
                self.close(b, &modules.attention_norm, &product, x)
            })
        });
        let wide = b.scoped("intermediate", |b| {
            let read = if in_front { norm(b, &modules.output_norm, &attended, self.config) } else { attended.clone() };
            let wide = b.scoped("dense", |b| linear(b, &modules.intermediate, &read, mlp));
            match &modules.gate {
                Some(gate) => {
                    let active = self.config.hidden_act.build(b, &wide);
                    let gate = b.scoped("gate", |b| linear(b, gate, &read, mlp));
                    b.mul(&active, &gate)
                }
                None if self.layout.layer.has_gate_inside() => {
                    let mut halves: [Value; 2] = self.columns(b, &wide, 1, self.config.inner_size());
                    if self.layout.layer.gate == Gate::TogetherBefore {
                        halves.reverse();
                    }
                    let [first, gate] = halves;
                    let active = self.config.hidden_act.build(b, &first);
                    b.mul(&active, &gate)
                }
                None => self.config.hidden_act.build(b, &wide),
            }
        });
        b.scoped("output", |b| {
            let product = b.scoped("dense", |b| linear(b, &modules.output, &wide, mlp_output));
            self.close(b, &modules.output_norm, &product, &attended)
        })
    }

    /// Closes a block: the residual, and the normalisation where it stands behind.
    fn close(&self, b: &mut GraphBuilder, closing: &str, product: &Value, residual: &Value) -> Value {
        let sum = b.add(product, residual);
        if self.layout.norms == Norms::Behind { norm(b, closing, &sum, self.config) } else { sum }
    }

    /// `softmax(Q·Kᵀ / √d + mask) · V` for each head (Vaswani et al., 2017, <https://arxiv.org/abs/1706.03762>), with Q and K turned
    /// by their places where positions are rotary.
    fn attention(
        &self,
        b: &mut GraphBuilder,
        x: &Value,
        modules: &LayerModules,
        shared: &Shared,
        number: usize,
    ) -> Value {
        let has_bias = self.config.biases.attention;
        let joined: Option<[Value; 3]> = modules.together.as_ref().map(|module| {
            let product = b.scoped("query_key_value", |b| linear(b, module, x, has_bias));
            if !self.layout.head_by_head {
                return self.columns(b, &product, 1, self.config.hidden_size);
            }
            let (heads, head) = (self.config.num_attention_heads, self.config.head_size());
            let by_head = b.integers(&[-1, as_i64(heads), 3 * as_i64(head)]);
            let by_head = b.reshape(&product, &by_head);
            self.columns(b, &by_head, 2, head)
        });
        let is_local = self.config.rotary.is_some_and(|rotary| rotary.is_local(number));
        let local = shared.local.as_ref().filter(|_| is_local);
        let mask = local.map_or(&shared.mask, |(mask, _)| mask);
        let angles = local.map(|(_, angles)| angles).or(shared.angles.as_ref());
        let mut heads = |part: &str, module: &str, place: usize, order: &[i64]| {
            let product = match &joined {
                Some(parts) => parts[place].clone(),
                None => b.scoped(part, |b| linear(b, module, x, has_bias)),
            };
            if let Some([pairs, heads_first]) = shared.pairs.as_ref().filter(|_| place < 2) {
                // Firsts of all pairs before their seconds, as they are turned. Queries and keys in one order have the product that
                // they have in another.
                let split = b.reshape(&product, pairs);
                let apart = b.transpose(&split, &[0, 2, 1, 4, 3]);
                return b.reshape(&apart, heads_first);
            }
            let few = shared.few_heads.as_ref().filter(|_| place > 0);
            let split = b.reshape(&product, few.map_or(&shared.heads, |[few, _]| few));
            b.transpose(&split, order)
        };
        let query = heads("query", &modules.query, 0, &[0, 2, 1, 3]);
        // Features before tokens, as the product of queries and keys wants them; they are turned, and multiplied with distances, the
        // other way round.
        let turned = if angles.is_some() || shared.distances.is_some() { [0, 2, 1, 3] } else { [0, 2, 3, 1] };
        let key = heads("key", &modules.key, 1, &turned);
        let value = heads("value", &modules.value, 2, &[0, 2, 1, 3]);
        if let Some(distances) = &shared.distances {
            let terms = b.scoped("distances", |b| distances.scores(b, self.config, modules, [&query, &key]));
            let key = b.transpose(&key, &[0, 1, 3, 2]);
            return self.attend(b, [&query, &key, &value], terms.iter().chain([mask]));
        }
        let Some(angles) = angles else { return self.attend(b, [&query, &key, &value], [mask]) };
        let [query, key] = [query, key].map(|part| angles.turn(b, &part, self.config.head_size()));
        let [key, value] = [key, value].map(|part| self.repeated(b, part, shared));
        let key = b.transpose(&key, &[0, 1, 3, 2]);
        self.attend(b, [&query, &key, &value], [mask])
    }

    /// Keys or values of few heads, `[batch, few, seq, head]`, each as often as heads of queries read it.
    fn repeated(&self, b: &mut GraphBuilder, part: Value, shared: &Shared) -> Value {
        let Some([_, repeated]) = &shared.few_heads else { return part };
        let times = self.config.num_attention_heads / self.config.key_value_heads();
        let apart = b.unsqueeze(&part, &[2]);
        let copies = b.concat(&vec![&apart; times], 2);
        b.reshape(&copies, repeated)
    }

    /// The same of heads, `[batch, heads, seq, head]`, the key `[batch, heads, head, seq]`, with `terms` added to the scores: the mask,
    /// and those of distances.
    fn attend<'a>(
        &self,
        b: &mut GraphBuilder,
        [query, key, value]: [&Value; 3],
        terms: impl IntoIterator<Item = &'a Value>,
    ) -> Value {
        let scores = b.mat_mul(query, key);
        // The runtime folds a division of the product by a constant into the product.
        let head_size = self.config.head_size();
        let scale = match self.config.disentangled {
            Some(disentangled) => b.scalar("disentangled_scale", disentangled.scale(head_size)),
            None => b.scalar("sqrt_head_size", (head_size as f32).sqrt()),
        };
        let scores = b.div(&scores, &scale);
        let scores = terms.into_iter().fold(scores, |scores, term| b.add(&scores, term));
        let weights = b.softmax(&scores);
        let context = b.mat_mul(&weights, value);
        let context = b.transpose(&context, &[0, 2, 1, 3]);
        let flat = b.integers(&[-1, as_i64(self.config.hidden_size)]);
        b.reshape(&context, &flat)
    }
}

/// A checked size: below 2^31.
fn as_i64(size: usize) -> i64 {
    size as i64
}
