//! The encoder that is fine-tuned: its graph, its parameters, and what is known of it.

use larder_onnx::{
    EncoderConfig, Family, GraphPart, Model, OnnxError, TensorProto, TrainableGraph, Weights, build, build_to_train,
};
use serde::Serialize;

use crate::part::ModelPart;

/// An encoder that can be fine-tuned.
#[derive(Clone, Debug)]
pub struct TunableEncoder {
    source: Source,
    facts: EncoderFacts,
}

/// The origin of the graph.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// larder builds it of a configuration and weights.
    Built { config: Box<EncoderConfig>, weights: Weights },
    /// Somebody else's, as it stands.
    Given(Box<TrainableGraph>),
}

/// Facts about an encoder that its graph does not tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EncoderFacts {
    /// The family whose recipe is gone by: its own, or for one that has none here BERT.
    pub family: Family,
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Rows of the token type table; 0 where there is none.
    pub type_vocab_size: usize,
    /// Features of each token.
    pub hidden_size: usize,
    /// The longest text, in tokens.
    pub max_positions: usize,
    /// Layers above the embeddings; `None` where they were not found in the graph.
    pub layers: Option<usize>,
    /// Does padding change the vectors of tokens? Then each text runs by itself.
    pub reads_padding: bool,
    /// The token that fills a batch.
    pub pad_token_id: i64,
    /// Standard deviation of new weights, such as the head's.
    pub initializer_range: f64,
}

impl TunableEncoder {
    /// An encoder of a family that larder builds.
    pub fn built(config: EncoderConfig, weights: Weights) -> Self {
        let facts = EncoderFacts {
            family: config.family,
            vocab_size: config.vocab_size,
            type_vocab_size: config.type_vocab_size,
            hidden_size: config.hidden_size,
            max_positions: config.max_positions(),
            layers: Some(config.num_hidden_layers),
            reads_padding: false,
            pad_token_id: config.pad_token_id.map_or(0, i64::from),
            initializer_range: config.initializer_range,
        };
        Self { source: Source::Built { config: Box::new(config), weights }, facts }
    }

    /// An encoder whose graph is trained as it was given.
    pub fn given(graph: TrainableGraph, facts: EncoderFacts) -> Self {
        Self { source: Source::Given(Box::new(graph)), facts }
    }

    /// Returns the facts that its graph does not tell.
    pub fn facts(&self) -> &EncoderFacts {
        &self.facts
    }

    /// The configuration, of an encoder that larder builds.
    pub fn config(&self) -> Option<&EncoderConfig> {
        match &self.source {
            Source::Built { config, .. } => Some(config),
            Source::Given(_) => None,
        }
    }

    /// Its graph as it is trained, with the parameters among the initializers.
    pub(crate) fn model(&self) -> Result<Model, OnnxError> {
        match &self.source {
            Source::Built { config, weights } => build_to_train(config, weights),
            Source::Given(graph) => Ok(graph.model.clone()),
        }
    }

    /// The same graph with other parameters: all of them where larder builds it, else those that `weights` has.
    pub(crate) fn model_with(&self, weights: &Weights) -> Result<Model, OnnxError> {
        match &self.source {
            Source::Built { config, .. } => build(config, weights),
            Source::Given(graph) => graph.model.clone().edited(|proto| {
                for parameter in graph.parameters.iter().filter(|parameter| weights.contains(&parameter.name)) {
                    let values = weights.get(&parameter.name, &parameter.shape)?;
                    for tensor in proto.initializer.iter_mut().filter(|tensor| tensor.name() == parameter.name) {
                        *tensor = TensorProto::from_f32(&parameter.name, &parameter.shape, values);
                    }
                }
                Ok(())
            }),
        }
    }

    /// The names of its parameters with the parts that they belong to; those of a pooler where the head reads one.
    pub(crate) fn parameters(&self, with_pooler: bool) -> Vec<(String, ModelPart)> {
        match &self.source {
            Source::Built { config, .. } => {
                let names = config.parameters(with_pooler).into_iter().map(|parameter| parameter.name);
                names
                    .map(|name| {
                        let part = ModelPart::of(&name, config);
                        (name, part)
                    })
                    .collect()
            }
            Source::Given(graph) => {
                let part = |part: GraphPart| match (part, self.facts.layers) {
                    (GraphPart::Pooler, _) => ModelPart::Head,
                    // Of one rate, whatever its share from layer to layer.
                    (_, None) => ModelPart::Layers { first: 0, last: 0 },
                    (GraphPart::Embeddings, _) => ModelPart::Embeddings,
                    (GraphPart::Layers(first, last), _) => ModelPart::Layers { first, last },
                };
                let all = graph.parameters.iter().map(|parameter| (parameter.name.clone(), part(parameter.part)));
                all.filter(|(_, part)| with_pooler || *part != ModelPart::Head).collect()
            }
        }
    }

    /// The part that a parameter belongs to: the head where it is none of the encoder's.
    pub(crate) fn part(&self, name: &str) -> ModelPart {
        match &self.source {
            Source::Built { config, .. } => ModelPart::of(name, config),
            Source::Given(_) => {
                let found = self.parameters(true).into_iter().find(|(parameter, _)| parameter == name);
                found.map_or(ModelPart::Head, |(_, part)| part)
            }
        }
    }

    /// Layers above the embeddings; one where they were not found, to which all parameters belong.
    pub(crate) fn layers(&self) -> usize {
        self.facts.layers.unwrap_or(1)
    }

    /// Returns the origin of its graph.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}
