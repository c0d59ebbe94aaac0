//! The graph of a BERT encoder in standard operators.
//!
//! Laid out for ONNX Runtime's CPU kernels, by measurement (docs/bert-graph.md beside this crate's sources): activations run
//! through the layers as `[batch · seq, hidden]`, so that each product with its bias is one `Gemm`, which the runtime
//! packs once for a weight stored as published, `[out, in]`; heads are split with one shape computed once for all layers.

use super::parameters::POOLER;
use super::{Activation, BertConfig};
use crate::builder::{Axis, GraphBuilder, Value};
use crate::families::{Family, metadata};
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
/// Inputs, all int64 `[batch, seq]`: `input_ids`; `attention_mask`, 1 for tokens and 0 for padding; `token_type_ids`.
/// Outputs, float32: `last_hidden_state` `[batch, seq, hidden]`; `pooler_output` `[batch, hidden]` if the weights have
/// a pooler. The hidden states of every layer are tensors inside, named in the model's
/// [`metadata::HIDDEN_STATES`]. Every parameter is an initializer under its published name, in its published layout.
///
/// # Errors
/// [`OnnxError::ConfigValue`], [`OnnxError::MissingWeight`], [`OnnxError::WeightShape`], [`OnnxError::WeightDtype`].
pub fn build(config: &BertConfig, weights: &Weights) -> Result<Model, OnnxError> {
    config.check()?;
    let pooler = weights.contains(&format!("{POOLER}.weight"));
    let mut b = GraphBuilder::new("bert", OPSET);
    for parameter in config.parameters(pooler) {
        let values = weights.get(&parameter.name, &parameter.shape)?;
        b.initializer(TensorProto::from_f32(&parameter.name, &parameter.shape, values));
    }
    let hidden_states = Encoder { config, pooler }.build(&mut b);

    let mut model = Model::from_graph(b.finish(), OPSET)?;
    let names = serde_json::Value::from(hidden_states).to_string();
    model.set_metadata(metadata::FAMILY, Some(Family::Bert.as_str()));
    model.set_metadata(metadata::HIDDEN_STATES, Some(&names));
    model.set_metadata(metadata::HEADS, Some(&config.num_attention_heads.to_string()));
    model.set_metadata(metadata::POOLER_OUTPUT, pooler.then_some("pooler_output"));
    Ok(model)
}

/// What every layer needs, computed once.
struct Shared {
    /// int64 `[4]`: batch, seq, heads, features of a head.
    heads: Value,
    /// int64 `[3]`: batch, seq, hidden.
    tokens: Value,
    /// float `[batch, 1, 1, seq]`: 0 or [`MASKED_SCORE`].
    mask: Value,
}

struct Encoder<'a> {
    config: &'a BertConfig,
    pooler: bool,
}

impl Encoder<'_> {
    /// Adds everything; gives the names of the hidden states.
    fn build(&self, b: &mut GraphBuilder) -> Vec<String> {
        let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
        let [input_ids, attention_mask, token_type_ids] =
            ["input_ids", "attention_mask", "token_type_ids"].map(|name| b.input(name, DataType::Int64, &axes));

        let embedded = b.scoped("embeddings", |b| self.embeddings(b, &input_ids, &token_type_ids));
        let mut tokens = b.rename(&embedded, "hidden_states.0");
        let mut hidden_states = vec![tokens.to_string()];
        let shared = b.scoped("encoder", |b| self.shared(b, &input_ids, &attention_mask));

        let flat = b.integers(&[-1, as_i64(self.config.hidden_size)]);
        let mut x = b.reshape(&tokens, &flat);
        let last = self.config.num_hidden_layers;
        for layer in 1..=last {
            x = b.scoped(&format!("encoder.layer.{}", layer - 1), |b| self.layer(b, &x, &shared));
            tokens = b.reshape(&x, &shared.tokens);
            let name = if layer == last { "last_hidden_state".to_owned() } else { format!("hidden_states.{layer}") };
            tokens = b.rename(&tokens, &name);
            hidden_states.push(name);
        }

        let [batch, seq] = axes;
        let hidden = Axis::Fixed(self.config.hidden_size);
        b.output(&tokens, "last_hidden_state", DataType::Float, &[batch.clone(), seq, hidden.clone()]);
        if self.pooler {
            let pooled = b.scoped("pooler", |b| {
                let first = b.integer(0);
                let cls = b.gather(&tokens, &first, 1);
                let dense = linear(b, "dense", &cls);
                b.tanh(&dense)
            });
            b.output(&pooled, "pooler_output", DataType::Float, &[batch, hidden]);
        }
        hidden_states
    }

    /// Token, type and position vectors summed and normalised: `[batch, seq, hidden]`.
    fn embeddings(&self, b: &mut GraphBuilder, input_ids: &Value, token_type_ids: &Value) -> Value {
        let [words, types, positions] =
            ["word", "token_type", "position"].map(|table| parameter(b, &format!("{table}_embeddings.weight")));
        let words = b.gather(&words, input_ids, 0);
        let types = b.gather(&types, token_type_ids, 0);
        let length = b.shape(input_ids, 1, 2);
        let zero = b.integers(&[0]);
        let positions = b.slice(&positions, &zero, &length, &zero);
        let sum = b.add(&words, &types);
        let sum = b.add(&sum, &positions);
        self.norm(b, "LayerNorm", &sum)
    }

    fn shared(&self, b: &mut GraphBuilder, input_ids: &Value, attention_mask: &Value) -> Shared {
        let batch_seq = b.shape(input_ids, 0, 2);
        let heads = b.integers(&[as_i64(self.config.num_attention_heads), as_i64(self.config.head_size())]);
        let heads = b.concat(&[&batch_seq, &heads], 0);
        let hidden = b.integers(&[as_i64(self.config.hidden_size)]);
        let tokens = b.concat(&[&batch_seq, &hidden], 0);

        let mask = b.cast(attention_mask, DataType::Float);
        let mask = b.unsqueeze(&mask, &[1, 2]);
        let one = b.scalar("one", 1.0);
        let masked = b.scalar("masked_score", MASKED_SCORE);
        let mask = b.sub(&one, &mask);
        let mask = b.mul(&mask, &masked);
        Shared { heads, tokens, mask }
    }

    /// One layer, from `[batch · seq, hidden]` to the same.
    fn layer(&self, b: &mut GraphBuilder, x: &Value, shared: &Shared) -> Value {
        let attended = b.scoped("attention", |b| {
            let context = b.scoped("self", |b| self.attention(b, x, shared));
            b.scoped("output", |b| self.add_and_norm(b, &context, x))
        });
        let wide = b.scoped("intermediate", |b| {
            let wide = linear(b, "dense", &attended);
            activation(b, self.config.hidden_act, &wide)
        });
        b.scoped("output", |b| self.add_and_norm(b, &wide, &attended))
    }

    /// `softmax(Q·Kᵀ / √d + mask) · V` for each head (Vaswani et al., 2017, <https://arxiv.org/abs/1706.03762>).
    fn attention(&self, b: &mut GraphBuilder, x: &Value, shared: &Shared) -> Value {
        let mut heads = |part: &str, order: &[i64]| {
            let product = linear(b, part, x);
            let split = b.reshape(&product, &shared.heads);
            b.transpose(&split, order)
        };
        let query = heads("query", &[0, 2, 1, 3]);
        // Features before tokens, as the product of queries and keys wants them.
        let key = heads("key", &[0, 2, 3, 1]);
        let value = heads("value", &[0, 2, 1, 3]);

        let scores = b.mat_mul(&query, &key);
        // The runtime folds a division of the product by a constant into the product.
        let root = b.scalar("sqrt_head_size", (self.config.head_size() as f32).sqrt());
        let scores = b.div(&scores, &root);
        let scores = b.add(&scores, &shared.mask);
        let weights = b.softmax(&scores);
        let context = b.mat_mul(&weights, &value);
        let context = b.transpose(&context, &[0, 2, 1, 3]);
        let flat = b.integers(&[-1, as_i64(self.config.hidden_size)]);
        b.reshape(&context, &flat)
    }

    /// The product `dense`, the residual, the normalisation that closes a block.
    fn add_and_norm(&self, b: &mut GraphBuilder, x: &Value, residual: &Value) -> Value {
        let product = linear(b, "dense", x);
        let sum = b.add(&product, residual);
        self.norm(b, "LayerNorm", &sum)
    }

    fn norm(&self, b: &mut GraphBuilder, module: &str, x: &Value) -> Value {
        let [weight, bias] = ["weight", "bias"].map(|part| parameter(b, &format!("{module}.{part}")));
        b.layer_normalization(x, &weight, &bias, self.config.layer_norm_eps as f32)
    }
}

/// The initializer of that name in the current scope.
fn parameter(b: &GraphBuilder, name: &str) -> Value {
    Value::named(&b.path(name))
}

fn linear(b: &mut GraphBuilder, module: &str, x: &Value) -> Value {
    let [weight, bias] = ["weight", "bias"].map(|part| parameter(b, &format!("{module}.{part}")));
    b.scoped(module, |b| b.linear(x, &weight, &bias))
}

/// Written the way exporters write it: the runtime recognises these patterns and runs each as one kernel.
fn activation(b: &mut GraphBuilder, activation: Activation, x: &Value) -> Value {
    let one = b.scalar("one", 1.0);
    let half = b.scalar("half", 0.5);
    match activation {
        // x/2 · (1 + erf(x/√2))
        Activation::Gelu => {
            let root = b.scalar("sqrt_2", std::f32::consts::SQRT_2);
            let inner = b.div(x, &root);
            let inner = b.erf(&inner);
            let inner = b.add(&inner, &one);
            let product = b.mul(x, &inner);
            b.mul(&product, &half)
        }
        // x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
        Activation::GeluNew => {
            let three = b.scalar("three", 3.0);
            let cubic = b.scalar("gelu_cubic", 0.044715);
            let slope = b.scalar("sqrt_2_over_pi", std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2);
            let cube = b.pow(x, &three);
            let cube = b.mul(&cube, &cubic);
            let inner = b.add(x, &cube);
            let inner = b.mul(&inner, &slope);
            let inner = b.tanh(&inner);
            let inner = b.add(&inner, &one);
            let product = b.mul(x, &half);
            b.mul(&product, &inner)
        }
        Activation::Relu => b.relu(x),
    }
}

/// A checked size: below 2^31.
fn as_i64(size: usize) -> i64 {
    size as i64
}
