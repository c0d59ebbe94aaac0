//! Checking by a run that the tensors recognised as layer outputs are layer outputs.

use std::collections::HashMap;

use larder_onnx::families::metadata;
use larder_onnx::{Hints, Interface};

use super::candidate::Candidate;
use super::model::{InnerReader, InnerTensor, Outputs};
use super::statistics::{largest, rms};
use crate::EncoderError;

impl Candidate<'_> {
    /// Compares the layers that the graph shows with the number that `config.json` names. If they differ, a layer may be
    /// hidden in an operator that is not known, and the numbers would be those of other layers: only the last one, which the
    /// model gives, can be had then. Its number is the larger one, so that no other layer's stands for it.
    pub(crate) fn compare_layers(&self, interface: &mut Interface) {
        let Some(declared) = &self.sizes.layers else { return };
        match interface.layers {
            Some(found) if found != declared.size => {
                // Blocks are counted where layers were not found, and a layer may have several.
                let counted = interface.hidden_states.is_empty();
                interface.layers = Some(if counted { declared.size } else { declared.size.max(found) });
                if !counted {
                    interface.hidden_states.clear();
                    interface.hidden_states_problem = Some(format!(
                        "its graph shows {found} layers, and config.json says {} {}; if config.json is wrong, correct it \
                         and add the encoder again",
                        declared.key, declared.size
                    ));
                }
            }
            Some(_) => {}
            None => interface.layers = Some(declared.size),
        }
    }

    /// The interface as the outputs showed it. Layers are looked for again once the token output is known, and those
    /// found in a foreign graph stay only if running them bears them out.
    pub(crate) fn with_layers(
        &self,
        model: &InnerReader<'_>,
        texts: &[Vec<i64>],
        singles: &[Outputs],
        tolerance: f64,
    ) -> Interface {
        let mut interface = model.interface.clone();
        if interface.hidden_states.is_empty() && interface.token_output.is_some() {
            let last_hidden_state = interface.token_output.as_ref().map(|output| output.name.clone());
            let hints = Hints { last_hidden_state, ..self.hints.clone() };
            if let Ok(found) = Interface::recognise_with(self.model, &hints) {
                interface.layers = interface.layers.or(found.layers);
                interface.hidden_states = found.hidden_states;
                interface.hidden_states_problem = found.hidden_states_problem;
            }
        }
        let ours = self.model.metadata(metadata::HIDDEN_STATES).is_some();
        if !(ours || interface.hidden_states.is_empty()) {
            match self.check_layers(model, &interface, texts, singles, tolerance) {
                Ok((states, flat)) => {
                    interface.hidden_states = states;
                    interface.hidden_states_flat = flat;
                }
                Err(problem) => {
                    interface.hidden_states.clear();
                    interface.hidden_states_problem = Some(problem);
                }
            }
        }
        interface
    }

    /// Makes the tensors that may be the layers outputs and runs them: of each layer one must hold
    /// `[batch, seq, hidden]`, or that with the first two axes as one, finite and other than the layer before, and the
    /// last must be the token output. Gives their names, and whether any has two axes.
    fn check_layers(
        &self,
        model: &InnerReader<'_>,
        interface: &Interface,
        texts: &[Vec<i64>],
        singles: &[Outputs],
        tolerance: f64,
    ) -> Result<(Vec<String>, bool), String> {
        let said = |problem: EncoderError| match std::error::Error::source(&problem) {
            Some(source) => source.to_string(),
            None => problem.to_string(),
        };
        let open = |names: &[String]| {
            let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
            let model = self.model.clone().pruned(&wanted).map_err(|problem| problem.to_string())?;
            self.session(&model).map_err(said)
        };
        let mut states = interface.hidden_states.clone();
        let mut session = open(&states)?;
        let first = texts.first().map(Vec::as_slice).unwrap_or_default();
        let usual = model.inside(&mut session, &states, first).map_err(said)?;
        if usual.iter().any(|tensor| !matches!(tensor, InnerTensor::Vectors { flat: false, .. })) {
            // One session at a time: each has weights of its own.
            drop(session);
            // One with three axes is to be preferred; one with two will do.
            let candidates = interface.layer_candidates(self.model).map_err(|problem| problem.to_string())?;
            let all: Vec<String> = candidates.iter().flatten().cloned().collect();
            let found = model.inside(&mut open(&all)?, &all, first).map_err(said)?;
            let found: HashMap<&String, InnerTensor> = all.iter().zip(found).collect();
            let fit = |name: &String, wanted: bool| matches!(found.get(name), Some(InnerTensor::Vectors { flat, .. }) if *flat == wanted);
            states.clear();
            for (layer, names) in candidates.iter().enumerate() {
                let chosen = [false, true].iter().find_map(|&flat| names.iter().find(|name| fit(name, flat)));
                let shape = names.iter().find_map(|name| match found.get(name) {
                    Some(InnerTensor::Other(shape)) => Some(shape),
                    _ => None,
                });
                states.push(chosen.cloned().ok_or_else(|| {
                    format!("layer {layer} has the shape {shape:?} for 2 texts of {} tokens", first.len())
                })?);
            }
            session = open(&states)?;
        }
        let mut any_flat = false;
        let mut layers: Vec<Vec<f32>> = vec![Vec::new(); states.len()];
        for text in texts {
            let found = model.inside(&mut session, &states, text).map_err(said)?;
            for (number, (layer, found)) in layers.iter_mut().zip(found).enumerate() {
                match found {
                    InnerTensor::Vectors { values, flat } => {
                        layer.extend(values);
                        any_flat |= flat;
                    }
                    InnerTensor::Other(shape) => return Err(format!("layer {number} has the shape {shape:?}")),
                }
            }
        }
        if let Some(number) = layers.iter().position(|layer| !layer.iter().all(|value| value.is_finite())) {
            return Err(format!("layer {number} ({:?}) is not finite", states[number]));
        }
        let differ = |a: &[f32], b: &[f32]| largest(a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()))) / rms(a);
        if let Some(number) = layers.windows(2).position(|pair| differ(&pair[0], &pair[1]) <= tolerance) {
            return Err(format!("layers {number} and {} hold the same", number + 1));
        }
        let given: Vec<f32> = singles.iter().flat_map(|outputs| &outputs.token).copied().collect();
        let deviation = layers.last().map_or(f64::NAN, |last| differ(&given, last));
        match deviation <= tolerance {
            true => Ok((states, any_flat)),
            false => Err(format!("the last layer, run alone, differs by {deviation:e} of its scale from the output")),
        }
    }
}
