//! The parameters of an encoder: published names, shapes, and how they start.

use std::collections::HashSet;

use super::layout::{Norms, Projection};
use super::mpnet::BUCKETS;
use super::{Biases, Disentangled, EncoderConfig, Family, convolution};
use crate::Weights;

/// The initial values of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// Normal with mean 0 and standard deviation `initializer_range`.
    Normal,
    /// Zero: biases.
    Zeros,
    /// One: scales of layer normalisations.
    Ones,
}

/// One parameter of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The published name without the prefix of checkpoints with a head, as
    /// `encoder.layer.0.attention.self.query.weight`.
    pub name: String,
    /// `[out, in]` for products, `[out, in, width]` for convolutions, `[rows, features]` for tables, `[features]` for the rest.
    pub shape: Vec<usize>,
    /// Its initial values.
    pub initial: Initial,
}

impl EncoderConfig {
    /// Lists all parameters: embeddings first, then layer by layer, each once, then the pooler if asked for and the
    /// family has one.
    pub fn parameters(&self, pooler: bool) -> Vec<Parameter> {
        let layout = self.family.layout();
        let mut list = List::default();
        let (hidden, embedding) = (self.hidden_size, self.embedding_size);
        let (Biases { attention, mlp, mlp_output, norm }, inner) = (self.biases, self.inner_size());
        list.table(layout.words, self.vocab_size, embedding);
        if self.has_position_table() {
            list.table("embeddings.position_embeddings", self.max_position_embeddings, embedding);
        }
        if self.type_vocab_size > 0 {
            list.table("embeddings.token_type_embeddings", self.type_vocab_size, embedding);
        }
        if let Some(table) = layout.task_types.filter(|_| self.task_type_vocab_size > 0) {
            list.table(table, self.task_type_vocab_size, embedding);
        }
        let projection = self.projection();
        if let Some(Projection::InFrontOfNorm(module)) = projection {
            list.linear(module, hidden, embedding, false);
        }
        if let Some(module) = layout.embeddings_norm {
            let is_wide = matches!(projection, Some(Projection::InFrontOfNorm(_)));
            list.norm(module, if is_wide { hidden } else { embedding }, norm);
        }
        if let Some(Projection::BehindNorm(module)) = projection {
            list.linear(module, hidden, embedding, true);
        }
        if let Some(table) = layout.relative_attention {
            list.table(table, BUCKETS, self.num_attention_heads);
        }
        let distances = self.disentangled.filter(Disentangled::reads_distances).zip(layout.disentangled.as_ref());
        if let Some((settings, names)) = distances {
            list.table(names.table, settings.rows(), hidden);
            if settings.normalised {
                list.norm(names.norm, hidden, norm);
            }
        }
        if let Some(names) = layout.convolution.as_ref().filter(|_| self.convolution.is_some()) {
            list.push(names.product, "weight", &[hidden, hidden, convolution::WIDTH], Initial::Normal);
            list.push(names.product, "bias", &[hidden], Initial::Zeros);
            list.norm(names.norm, hidden, norm);
        }
        for group in 0..self.num_hidden_groups {
            let modules = self.layer_modules(group);
            match &modules.together {
                Some(module) => list.linear(module, 3 * hidden, hidden, attention),
                None => {
                    let few = self.key_value_heads() * self.head_size();
                    for (module, output) in [(&modules.query, hidden), (&modules.key, few), (&modules.value, few)] {
                        list.linear(module, output, hidden, attention);
                    }
                }
            }
            for module in modules.distance_key.iter().chain(&modules.distance_query) {
                list.linear(module, hidden, hidden, true);
            }
            list.linear(&modules.attention_output, hidden, hidden, attention);
            if layout.norms.of_attention(group) {
                list.norm(&modules.attention_norm, hidden, norm);
            }
            let wide = if layout.layer.has_gate_inside() { 2 * inner } else { inner };
            list.linear(&modules.intermediate, wide, hidden, mlp);
            if let Some(module) = &modules.gate {
                list.linear(module, inner, hidden, mlp);
            }
            list.linear(&modules.output, hidden, inner, mlp_output);
            list.norm(&modules.output_norm, hidden, norm);
        }
        if let Norms::InFront { last, .. } = layout.norms {
            list.norm(last, hidden, norm);
        }
        if let Some(module) = layout.pooler.filter(|_| pooler) {
            list.linear(module, hidden, hidden, true);
        }
        list.0
    }

    /// The product between the tables and the layers. ALBERT always has one, the others where the widths differ.
    pub(crate) fn projection(&self) -> Option<Projection> {
        let needed = self.family == Family::Albert || self.embedding_size != self.hidden_size;
        self.family.layout().projection.filter(|_| needed)
    }
}

/// Names in `weights` that a model of this configuration does not use, sorted: heads of the task that the encoder was
/// trained on (`cls.…`), buffers (`embeddings.position_ids`).
pub fn unused_weights(config: &EncoderConfig, weights: &Weights) -> Vec<String> {
    let prefix = weights.prefix(config.family);
    let used: HashSet<String> =
        config.parameters(true).into_iter().map(|parameter| format!("{prefix}{}", parameter.name)).collect();
    weights.names().filter(|name| !used.contains(*name)).map(str::to_owned).collect()
}

#[derive(Default)]
struct List(Vec<Parameter>);

impl List {
    fn push(&mut self, module: &str, part: &str, shape: &[usize], initial: Initial) {
        self.0.push(Parameter { name: format!("{module}.{part}"), shape: shape.to_vec(), initial });
    }

    fn table(&mut self, module: &str, rows: usize, features: usize) {
        self.push(module, "weight", &[rows, features], Initial::Normal);
    }

    fn linear(&mut self, module: &str, output: usize, input: usize, bias: bool) {
        self.push(module, "weight", &[output, input], Initial::Normal);
        if bias {
            self.push(module, "bias", &[output], Initial::Zeros);
        }
    }

    fn norm(&mut self, module: &str, features: usize, bias: bool) {
        self.push(module, "weight", &[features], Initial::Ones);
        if bias {
            self.push(module, "bias", &[features], Initial::Zeros);
        }
    }
}
