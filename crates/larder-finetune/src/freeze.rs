//! The parts of an encoder: those that are frozen, and the learning rates of the others.

use std::fmt;
use std::str::FromStr;

use larder_onnx::EncoderConfig;
use serde::Serialize;

use crate::TuneError;

/// The parts of an encoder that are not trained. Spelled `embeddings,layers:0-5`; the empty text freezes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// The tables, their normalisation, and the product that brings them to the layers' width.
    pub embeddings: bool,
    /// Layers from 0, first and last.
    pub layers: Vec<(usize, usize)>,
}

impl FromStr for Freeze {
    type Err = TuneError;

    fn from_str(text: &str) -> Result<Self, TuneError> {
        let mut freeze = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let unknown = || TuneError::UnknownFreeze { found: part.to_owned() };
            match part.strip_prefix("layers:") {
                None if part == "embeddings" => freeze.embeddings = true,
                None => return Err(unknown()),
                Some(range) => {
                    let (first, last) = range.split_once('-').unwrap_or((range, range));
                    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| unknown());
                    freeze.layers.push((number(first)?, number(last)?));
                }
            }
        }
        Ok(freeze)
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = if self.embeddings { vec!["embeddings".to_owned()] } else { Vec::new() };
        parts.extend(self.layers.iter().map(|(first, last)| match first == last {
            true => format!("layers:{first}"),
            false => format!("layers:{first}-{last}"),
        }));
        f.pad(&parts.join(","))
    }
}

/// The part of a model that a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelPart {
    Embeddings,
    /// From 0; of shared layers the highest.
    Layer(usize),
    /// Head and pooler.
    Head,
}

impl ModelPart {
    /// The part of the parameter of that name.
    pub fn of(name: &str, config: &EncoderConfig) -> Self {
        if name.starts_with("pooler.") || name.starts_with("classifier.") {
            return Self::Head;
        }
        // MPNet's biases by relative position, read by all layers, count as embeddings too.
        let layer = config.group_of(name).and_then(|group| layers_of(group, config).last());
        layer.map_or(Self::Embeddings, Self::Layer)
    }

    /// The factor on the encoder's learning rate.
    pub fn rate(self, layers: usize, layer_decay: f64) -> f64 {
        let below = match self {
            Self::Head => 0,
            Self::Layer(layer) => layers.saturating_sub(layer + 1),
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

impl Freeze {
    /// # Errors
    /// [`TuneError::FreezeLayers`] for layers that are not there, or share parameters with one that is trained.
    pub(crate) fn check(&self, config: &EncoderConfig) -> Result<(), TuneError> {
        let wrong =
            |&(first, last): &(usize, usize), problem: String| Err(TuneError::FreezeLayers { first, last, problem });
        let layers = config.num_hidden_layers;
        for range in &self.layers {
            if range.0 > range.1 || range.1 >= layers {
                return wrong(range, format!("the encoder has layers 0 to {}", layers - 1));
            }
            for group in 0..config.num_hidden_groups {
                let (frozen, trained): (Vec<usize>, Vec<usize>) =
                    layers_of(group, config).partition(|&layer| self.has_layer(layer));
                if let (Some(frozen), Some(trained)) = (frozen.first(), trained.first()) {
                    return wrong(range, format!("layer {frozen} shares its parameters with layer {trained}"));
                }
            }
        }
        Ok(())
    }

    /// Can what stands above that layer be trained without the rest? Layers count as hidden states do, from 1.
    ///
    /// # Errors
    /// [`TuneError::Cut`] for a layer that is none or the last, or where layers on both sides share parameters that are
    /// trained.
    pub(crate) fn check_cut(&self, config: &EncoderConfig, layer: usize) -> Result<(), TuneError> {
        let layers = config.num_hidden_layers;
        if layer >= layers {
            let problem =
                format!("the encoder has {layers} layers, and 0, the embeddings, to {} have one above", layers - 1);
            return Err(TuneError::Cut { layer, problem });
        }
        for group in 0..config.num_hidden_groups {
            let shared: Vec<usize> = layers_of(group, config).collect();
            let (Some(&first), Some(&last)) = (shared.first(), shared.last()) else { continue };
            // Counted from 0, the lowest layer that is trained has the number of the hidden state below it.
            if first < layer && layer <= last && !self.has_layer(first) {
                let other = if last + 1 < layers { format!(" or {}", last + 1) } else { String::new() };
                let problem = format!(
                    "layers {first} to {last} (from 0) share their parameters, and training the upper ones would change \
                     those below, which the hidden states were computed with: take layer {first}{other}, or freeze them"
                );
                return Err(TuneError::Cut { layer, problem });
            }
        }
        Ok(())
    }

    fn has_layer(&self, layer: usize) -> bool {
        self.layers.iter().any(|&(first, last)| (first..=last).contains(&layer))
    }

    /// Is that part left as it is?
    pub(crate) fn has(&self, part: ModelPart) -> bool {
        match part {
            ModelPart::Embeddings => self.embeddings,
            ModelPart::Layer(layer) => self.has_layer(layer),
            ModelPart::Head => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_onnx::Family;

    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        let bert = EncoderConfig::of(Family::Bert);
        let albert = EncoderConfig::of(Family::Albert);
        let part = |name: &str| ModelPart::of(name, &bert);
        assert_eq!(part("embeddings.word_embeddings.weight"), ModelPart::Embeddings);
        assert_eq!(part("encoder.layer.11.attention.self.key.bias"), ModelPart::Layer(11));
        assert_eq!(part("pooler.dense.weight"), ModelPart::Head);
        let shared = "encoder.albert_layer_groups.0.albert_layers.0.ffn.weight";
        assert_eq!(ModelPart::of(shared, &albert), ModelPart::Layer(11));
        assert_eq!(ModelPart::of("encoder.embedding_hidden_mapping_in.weight", &albert), ModelPart::Embeddings);
        assert_eq!(ModelPart::Layer(11).rate(12, 0.5), 1.0);
        assert_eq!(ModelPart::Embeddings.rate(2, 0.5), 0.25);
        // Every parameter of every family belongs somewhere, and each layer has some.
        for family in Family::ALL {
            let config = EncoderConfig::of(*family);
            let parts: Vec<ModelPart> =
                config.parameters(true).iter().map(|p| ModelPart::of(&p.name, &config)).collect();
            let last = ModelPart::Layer(config.num_hidden_layers - 1);
            assert!(parts.contains(&ModelPart::Embeddings) && parts.contains(&last), "{family}");
        }
    }

    #[test]
    fn what_is_frozen_is_spelled_and_checked() {
        let freeze: Freeze = "embeddings, layers:0-5,layers:7".parse().expect("is spelled right");
        assert_eq!(freeze.to_string(), "embeddings,layers:0-5,layers:7");
        assert!(freeze.has(ModelPart::Layer(7)) && !freeze.has(ModelPart::Layer(6)) && !freeze.has(ModelPart::Head));
        assert!("layer:1".parse::<Freeze>().is_err() && "layers:x".parse::<Freeze>().is_err());
        assert!(freeze.check(&EncoderConfig::of(Family::Bert)).is_ok());
        let message = freeze.check(&EncoderConfig::of(Family::Albert)).expect_err("the layers are one").to_string();
        assert!(message.contains("shares its parameters with layer 6"), "{message}");
        let beyond: Freeze = "layers:3-12".parse().expect("is spelled right");
        assert!(beyond.check(&EncoderConfig::of(Family::Bert)).is_err());
    }

    #[test]
    fn layers_on_both_sides_of_a_cut_share_nothing_that_is_trained() {
        let plain = Freeze::default();
        let bert = EncoderConfig::of(Family::Bert);
        assert!((0..12).all(|layer| plain.check_cut(&bert, layer).is_ok()) && plain.check_cut(&bert, 12).is_err());
        // Layers 0 to 5 are one, and 6 to 11.
        let albert = EncoderConfig { num_hidden_groups: 2, ..EncoderConfig::of(Family::Albert) };
        let whole: Vec<usize> = (0..12).filter(|&layer| plain.check_cut(&albert, layer).is_ok()).collect();
        assert_eq!(whole, [0, 6]);
        let message = plain.check_cut(&albert, 3).expect_err("the layers are one").to_string();
        assert!(message.ends_with("take layer 0 or 6, or freeze them"), "{message}");
        let frozen: Freeze = "layers:0-5".parse().expect("is spelled right");
        assert!(frozen.check_cut(&albert, 3).is_ok() && frozen.check_cut(&albert, 7).is_err());
    }
}
