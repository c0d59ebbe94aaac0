//! The parameters of a BERT: published names, shapes, and how they start.

use super::BertConfig;
use crate::Weights;

/// How a parameter starts before training.
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
    /// The published name, as `encoder.layer.0.attention.self.query.weight`.
    pub name: String,
    /// `[out, in]` for products, `[rows, hidden]` for tables, `[features]` for the rest.
    pub shape: Vec<usize>,
    /// How it starts.
    pub initial: Initial,
}

/// Names of the parameters of the pooler, the last to be listed.
pub(super) const POOLER: &str = "pooler.dense";

impl BertConfig {
    /// All parameters, embeddings first, then layer by layer, then the pooler if asked for.
    pub fn parameters(&self, pooler: bool) -> Vec<Parameter> {
        let mut list = List::default();
        let hidden = self.hidden_size;
        list.table("embeddings.word_embeddings", self.vocab_size, hidden);
        list.table("embeddings.position_embeddings", self.max_position_embeddings, hidden);
        list.table("embeddings.token_type_embeddings", self.type_vocab_size, hidden);
        list.norm("embeddings.LayerNorm", hidden);
        for layer in 0..self.num_hidden_layers {
            let layer = format!("encoder.layer.{layer}");
            for part in ["query", "key", "value"] {
                list.linear(&format!("{layer}.attention.self.{part}"), hidden, hidden);
            }
            list.linear(&format!("{layer}.attention.output.dense"), hidden, hidden);
            list.norm(&format!("{layer}.attention.output.LayerNorm"), hidden);
            list.linear(&format!("{layer}.intermediate.dense"), self.intermediate_size, hidden);
            list.linear(&format!("{layer}.output.dense"), hidden, self.intermediate_size);
            list.norm(&format!("{layer}.output.LayerNorm"), hidden);
        }
        if pooler {
            list.linear(POOLER, hidden, hidden);
        }
        list.0
    }
}

/// Names in `weights` that a model of this configuration does not use, sorted: heads of the task that the encoder was
/// trained on (`cls.…`), buffers (`embeddings.position_ids`).
pub fn unused_weights(config: &BertConfig, weights: &Weights) -> Vec<String> {
    let used: std::collections::HashSet<String> =
        config.parameters(true).into_iter().map(|parameter| parameter.name).collect();
    weights.names().filter(|name| !used.contains(*name)).map(str::to_owned).collect()
}

#[derive(Default)]
struct List(Vec<Parameter>);

impl List {
    fn push(&mut self, module: &str, part: &str, shape: &[usize], initial: Initial) {
        self.0.push(Parameter { name: format!("{module}.{part}"), shape: shape.to_vec(), initial });
    }

    fn table(&mut self, module: &str, rows: usize, hidden: usize) {
        self.push(module, "weight", &[rows, hidden], Initial::Normal);
    }

    fn linear(&mut self, module: &str, output: usize, input: usize) {
        self.push(module, "weight", &[output, input], Initial::Normal);
        self.push(module, "bias", &[output], Initial::Zeros);
    }

    fn norm(&mut self, module: &str, features: usize) {
        self.push(module, "weight", &[features], Initial::Ones);
        self.push(module, "bias", &[features], Initial::Zeros);
    }
}
