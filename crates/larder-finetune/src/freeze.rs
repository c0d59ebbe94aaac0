//! The parts of an encoder: those that are frozen, and the learning rates of the others.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::part::ModelPart;
use crate::{TunableEncoder, TuneError};

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

/// First and last of the layers that share parameters, each such pair once.
fn shared(encoder: &TunableEncoder) -> Vec<(usize, usize)> {
    let parameters = encoder.parameters(false).into_iter();
    let mut shared: Vec<(usize, usize)> = parameters
        .filter_map(|(_, part)| match part {
            ModelPart::Layers { first, last } if first < last => Some((first, last)),
            _ => None,
        })
        .collect();
    shared.sort_unstable();
    shared.dedup();
    shared
}

impl Freeze {
    /// # Errors
    /// [`TuneError::FreezeLayers`] for layers that are not there, or share parameters with one that is trained;
    /// [`TuneError::Setting`] where the layers are not known.
    pub(crate) fn check(&self, encoder: &TunableEncoder) -> Result<(), TuneError> {
        let wrong =
            |&(first, last): &(usize, usize), problem: String| Err(TuneError::FreezeLayers { first, last, problem });
        if encoder.facts().layers.is_none() && *self != Self::default() {
            let expected = "nothing can be frozen, since the layers of the graph were not found";
            return Err(TuneError::Setting { setting: "freeze", found: self.to_string(), expected });
        }
        let layers = encoder.layers();
        for range in &self.layers {
            if range.0 > range.1 || range.1 >= layers {
                return wrong(range, format!("the encoder has layers 0 to {}", layers - 1));
            }
            for (first, last) in shared(encoder) {
                let (frozen, trained): (Vec<usize>, Vec<usize>) =
                    (first..=last).partition(|&layer| self.has_layer(layer));
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
    pub(crate) fn check_cut(&self, encoder: &TunableEncoder, layer: usize) -> Result<(), TuneError> {
        let layers = encoder.layers();
        if layer >= layers {
            let problem =
                format!("the encoder has {layers} layers, and 0, the embeddings, to {} have one above", layers - 1);
            return Err(TuneError::Cut { layer, problem });
        }
        for (first, last) in shared(encoder) {
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
            ModelPart::Layers { last, .. } => self.has_layer(last),
            ModelPart::Head => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_onnx::{EncoderConfig, Family, Weights};

    use super::*;

    fn layers(first: usize, last: usize) -> ModelPart {
        ModelPart::Layers { first, last }
    }

    fn encoder(config: EncoderConfig) -> TunableEncoder {
        TunableEncoder::built(config, Weights::default())
    }

    #[test]
    fn what_is_frozen_is_spelled_and_checked() {
        let freeze: Freeze = "embeddings, layers:0-5,layers:7".parse().expect("is spelled right");
        assert_eq!(freeze.to_string(), "embeddings,layers:0-5,layers:7");
        assert!(freeze.has(layers(7, 7)) && !freeze.has(layers(6, 6)) && !freeze.has(ModelPart::Head));
        assert!("layer:1".parse::<Freeze>().is_err() && "layers:x".parse::<Freeze>().is_err());
        assert!(freeze.check(&encoder(EncoderConfig::of(Family::Bert))).is_ok());
        let message =
            freeze.check(&encoder(EncoderConfig::of(Family::Albert))).expect_err("the layers are one").to_string();
        assert!(message.contains("shares its parameters with layer 6"), "{message}");
        let beyond: Freeze = "layers:3-12".parse().expect("is spelled right");
        assert!(beyond.check(&encoder(EncoderConfig::of(Family::Bert))).is_err());
    }

    #[test]
    fn layers_on_both_sides_of_a_cut_share_nothing_that_is_trained() {
        let plain = Freeze::default();
        let bert = encoder(EncoderConfig::of(Family::Bert));
        assert!((0..12).all(|layer| plain.check_cut(&bert, layer).is_ok()) && plain.check_cut(&bert, 12).is_err());
        // Layers 0 to 5 are one, and 6 to 11.
        let albert = encoder(EncoderConfig { num_hidden_groups: 2, ..EncoderConfig::of(Family::Albert) });
        let whole: Vec<usize> = (0..12).filter(|&layer| plain.check_cut(&albert, layer).is_ok()).collect();
        assert_eq!(whole, [0, 6]);
        let message = plain.check_cut(&albert, 3).expect_err("the layers are one").to_string();
        assert!(message.ends_with("take layer 0 or 6, or freeze them"), "{message}");
        let frozen: Freeze = "layers:0-5".parse().expect("is spelled right");
        assert!(frozen.check_cut(&albert, 3).is_ok() && frozen.check_cut(&albert, 7).is_err());
    }
}
