//! Telling the outputs of a model apart by the shapes that they have in a run.

use larder_onnx::{Interface, OnnxError, OutputTensor};
use larder_runtime::ElementType;

use super::candidate::Candidate;
use super::feed::Feed;
use super::model::ProbeModel;
use super::scores::Scores;
use crate::EncoderError;

/// A vector of more features than this is no encoder's, whose widest have a few thousand: for the longest probe it would
/// take gigabytes.
pub const MOST_FEATURES: usize = 1 << 16;

/// The types that outputs are read in.
const FLOATS: [ElementType; 3] = [ElementType::Float32, ElementType::Float16, ElementType::Float64];

/// Tokens of the texts that outputs are told apart with: few, since it is not known yet how many are read.
pub(crate) const CLASSIFYING_TOKENS: usize = 8;

impl<'a> ProbeModel<'a> {
    /// Classifies the outputs by the shapes observed for two texts of one length: outputs of unknown rank get a role; outputs
    /// that contradict their role, or hold scores, lose it.
    ///
    /// # Errors
    /// [`EncoderError::Run`], [`EncoderError::OutputType`], [`EncoderError::NoTokenOutput`],
    /// [`EncoderError::OutputShape`]; [`EncoderError::Model`] when several outputs could be the token output.
    pub fn classify_outputs(candidate: &'a Candidate<'_>, pad: i64, texts: &[Vec<i64>]) -> Result<Self, EncoderError> {
        let (path, mut interface, session) =
            (candidate.path, candidate.interface.clone(), candidate.session(candidate.model)?);
        let shortest = texts.iter().map(Vec::len).min().unwrap_or(0).min(CLASSIFYING_TOKENS);
        let two = interface.fixed_batch().unwrap_or(2).min(2);
        let chosen: Vec<&[i64]> = texts.iter().take(two).map(|text| &text[..shortest]).collect();
        let (mut batch, seq) = (interface.fixed_batch().unwrap_or(two), interface.fixed_seq().unwrap_or(shortest));
        let mut candidates: Vec<OutputTensor> = Vec::new();
        let all = interface.token_output.iter().chain(&interface.pooled_outputs).chain(&interface.other_outputs);
        for output in all {
            // A name that was given may be that of another role.
            if candidates.iter().all(|other| other.name != output.name) {
                candidates.push(output.clone());
            }
        }
        let dtype = |output: &OutputTensor| {
            let info = session.outputs().iter().find(|info| info.name == output.name);
            info.map_or(ElementType::Unsupported, |info| info.dtype)
        };
        let readable = |output: &&OutputTensor| FLOATS.contains(&dtype(output));
        let names: Vec<String> = candidates.iter().filter(readable).map(|output| output.name.clone()).collect();
        if let (true, Some(output)) = (names.is_empty(), candidates.first()) {
            let found = match dtype(output) {
                ElementType::Unsupported => output.dtype.clone(),
                dtype => dtype.to_string(),
            };
            return Err(EncoderError::OutputType { path: path.to_path_buf(), output: output.name.clone(), found });
        }
        let (model, outputs) = (candidate.model, names.clone());
        let mut probed = Self { session, model, interface: interface.clone(), path, pad, outputs };
        let feed = Feed { texts: &chosen, rows: batch, seq, pairs: false };
        let tensors = match probed.tensors(&feed) {
            // Some graphs declare any number of texts and can only be run with one, as those with an operator for rotary positions
            // whose angles are those of one text.
            Err(problem @ EncoderError::Run { .. }) if interface.fixed_batch().is_none() => {
                interface.takes_one_text();
                probed.interface = interface.clone();
                batch = 1;
                probed.tensors(&Feed { texts: &chosen[..1], rows: batch, seq, pairs: false }).map_err(|_| problem)?
            }
            found => found?,
        };
        let shape = |output: &OutputTensor| {
            names.iter().position(|name| *name == output.name).map(|index| tensors[index].shape.as_slice())
        };

        let scores = Scores::of(&interface, candidate.model, candidate.labels);
        let of_tokens = |output: &&OutputTensor| match shape(output) {
            Some([b, s, width]) => [*b, *s] == [batch, seq] && scores.of_tokens(*width).is_none(),
            _ => false,
        };
        let is_hinted = |hint: &Option<String>, output: &OutputTensor| hint.as_ref() == Some(&output.name);
        let are_scores = |output: &OutputTensor| {
            matches!(shape(output), Some([b, s, _]) if [*b, *s] == [batch, seq]) && !of_tokens(&output)
        };
        let token = match &interface.token_output {
            Some(output) if of_tokens(&output) => Some(output.clone()),
            Some(output) if !are_scores(output) => {
                return Err(probed.wrong_output(
                    output,
                    shape(output),
                    batch,
                    seq,
                    format!("[{batch}, {seq}, hidden]"),
                ));
            }
            Some(output) if is_hinted(&candidate.hints.last_hidden_state, output) => Some(output.clone()),
            _ => match probed.last_layer(candidates.iter().filter(of_tokens).collect())?.as_slice() {
                [only] => Some((*only).clone()),
                [] => None,
                several => {
                    let candidates = several.iter().map(|output| output.name.as_str()).collect::<Vec<_>>().join(", ");
                    let source = OnnxError::Ambiguous { role: "last_hidden_state", candidates };
                    return Err(EncoderError::Model { path: path.to_path_buf(), source });
                }
            },
        };
        let hinted = candidates.iter().find(|output| is_hinted(&candidate.hints.pooler_output, output));
        // Whoever names it knows what it is: it may be of any width.
        let named_width = match hinted.map(|output| (output, shape(output))) {
            None => None,
            Some((_, Some([b, width]))) if *b == batch => Some(*width),
            Some((output, shape)) => {
                return Err(probed.wrong_output(output, shape, batch, seq, format!("[{batch}, features]")));
            }
        };
        let hidden = match &token {
            Some(token) => shape(token).and_then(|shape| shape.last().copied()).unwrap_or(interface.hidden_size),
            None => {
                let width = |output: &OutputTensor| match shape(output) {
                    Some([b, width]) if *b == batch && scores.of_text(*width).is_none() => Some(*width),
                    _ => None,
                };
                let Some(width) = named_width.or_else(|| candidates.iter().find_map(width)) else {
                    let told = |output: &OutputTensor| described(&output.name, shape(output), [batch, seq], &scores);
                    let outputs = candidates.iter().map(told).collect::<Vec<_>>().join(", ");
                    return Err(EncoderError::NoTokenOutput { path: path.to_path_buf(), outputs });
                };
                width
            }
        };
        let pooled = |output: &&OutputTensor| match hinted {
            Some(hinted) => hinted.name == output.name,
            None => shape(output) == Some(&[batch, hidden]),
        };
        let widest = hidden.max(named_width.unwrap_or(0));
        if widest > MOST_FEATURES {
            let output = interface.token_output.as_ref().or(interface.pooled_outputs.first());
            let output = token.as_ref().or(output).map_or_else(String::new, |output| output.name.clone());
            return Err(EncoderError::TooWide { path: path.to_path_buf(), output, width: widest, most: MOST_FEATURES });
        }
        interface.hidden_size = hidden;
        interface.pooled_size = named_width.filter(|width| *width != hidden);
        interface.pooled_outputs = candidates.iter().filter(pooled).cloned().collect();
        let is_token = |output: &&OutputTensor| token.as_ref().is_some_and(|token| output.name == token.name);
        interface.other_outputs =
            candidates.iter().filter(|output| !is_token(output) && !pooled(output)).cloned().collect();
        interface.token_output = token;
        probed.outputs =
            interface.token_output.iter().chain(&interface.pooled_outputs).map(|output| output.name.clone()).collect();
        probed.interface = interface;
        Ok(probed)
    }

    /// Those of the token-level `outputs` that may be the last layer's.
    fn last_layer<'o>(&self, outputs: Vec<&'o OutputTensor>) -> Result<Vec<&'o OutputTensor>, EncoderError> {
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let last = Interface::last_layer_among(self.model, &names)
            .map_err(|source| EncoderError::Model { path: self.path.to_path_buf(), source })?;
        Ok(outputs.into_iter().filter(|output| last.contains(&output.name)).collect())
    }

    fn wrong_output(
        &self,
        output: &OutputTensor,
        shape: Option<&[usize]>,
        batch: usize,
        seq: usize,
        expected: String,
    ) -> EncoderError {
        let (path, output, dtype) = (self.path.to_path_buf(), output.name.clone(), output.dtype.clone());
        match shape {
            None => EncoderError::OutputType { path, output, found: dtype },
            Some(found) => EncoderError::OutputShape { path, output, batch, seq, found: found.to_vec(), expected },
        }
    }
}

/// For messages: an output, the shape it had, and what it is if it is no vector.
fn described(name: &str, shape: Option<&[usize]>, [batch, seq]: [usize; 2], scores: &Scores) -> String {
    let Some(shape) = shape else { return format!("{name} (of a type that is not read)") };
    let why = match shape {
        [b, s, width] if [*b, *s] == [batch, seq] => scores.of_tokens(*width),
        [b, width] if *b == batch => scores.of_text(*width),
        _ => None,
    };
    format!("{name} {shape:?}{}", why.map_or_else(String::new, |why| format!(" ({why})")))
}
