//! The part of an encoder that a parameter belongs to.

use larder_onnx::EncoderConfig;

/// The part of a model that a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelPart {
    Embeddings,
    /// Layers from 0: the first that reads it, and the last, which is another where layers share it.
    Layers {
        first: usize,
        last: usize,
    },
    /// Head and pooler.
    Head,
}

impl ModelPart {
    /// The part of the parameter of that name, of an encoder that larder builds.
    pub fn of(name: &str, config: &EncoderConfig) -> Self {
        if name.starts_with("pooler.") || name.starts_with("classifier.") {
            return Self::Head;
        }
        // DeBERTa's convolution, beside the first layer.
        if name.starts_with("encoder.conv.") {
            return Self::Layers { first: 0, last: 0 };
        }
        // MPNet's biases and DeBERTa's vectors by relative position, read by all layers, count as embeddings.
        let Some(group) = config.group_of(name) else { return Self::Embeddings };
        let mut layers = layers_of(group, config);
        let first = layers.next().unwrap_or(group);
        Self::Layers { first, last: layers.last().unwrap_or(first) }
    }

    /// The factor on the encoder's learning rate. Layers that share a parameter give it the rate of the highest of them.
    pub fn rate(self, layers: usize, layer_decay: f64) -> f64 {
        let below = match self {
            Self::Head => 0,
            Self::Layers { last, .. } => layers.saturating_sub(last + 1),
            Self::Embeddings => layers,
        };
        // More layers than fit an i32 do not fit memory either.
        layer_decay.powi(below as i32)
    }
}

/// The layers that share a group of parameters.
fn layers_of(group: usize, config: &EncoderConfig) -> impl Iterator<Item = usize> {
    let (layers, groups) = (config.num_hidden_layers, config.num_hidden_groups);
    (0..layers).filter(move |layer| layer * groups / layers == group)
}

#[cfg(test)]
mod tests {
    use larder_onnx::Family;

    use super::*;

    fn layers(first: usize, last: usize) -> ModelPart {
        ModelPart::Layers { first, last }
    }

    #[test]
    fn parts_are_told_by_their_names() {
        let bert = EncoderConfig::of(Family::Bert);
        let albert = EncoderConfig::of(Family::Albert);
        let part = |name: &str| ModelPart::of(name, &bert);
        assert_eq!(part("embeddings.word_embeddings.weight"), ModelPart::Embeddings);
        assert_eq!(part("encoder.layer.11.attention.self.key.bias"), layers(11, 11));
        assert_eq!(part("pooler.dense.weight"), ModelPart::Head);
        let shared = "encoder.albert_layer_groups.0.albert_layers.0.ffn.weight";
        assert_eq!(ModelPart::of(shared, &albert), layers(0, 11));
        assert_eq!(ModelPart::of("encoder.embedding_hidden_mapping_in.weight", &albert), ModelPart::Embeddings);
        assert_eq!(layers(0, 11).rate(12, 0.5), 1.0);
        assert_eq!(ModelPart::Embeddings.rate(2, 0.5), 0.25);
        // Every parameter of every family belongs somewhere, and each layer has some.
        for family in Family::ALL {
            let config = EncoderConfig::of(*family);
            let parts: Vec<ModelPart> =
                config.parameters(true).iter().map(|p| ModelPart::of(&p.name, &config)).collect();
            let top = config.num_hidden_layers - 1;
            let reaches = |part: &ModelPart| matches!(part, ModelPart::Layers { last, .. } if *last == top);
            assert!(parts.contains(&ModelPart::Embeddings) && parts.iter().any(reaches), "{family}");
        }
    }
}
