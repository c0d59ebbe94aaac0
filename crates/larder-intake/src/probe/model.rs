//! The model under probe: its outputs for texts, as float32.

use std::path::Path;

use larder_onnx::{FeatureKind, Interface, Model, Pool};
use larder_runtime::{RuntimeError, Session};

use super::feed::{Feed, Floats, run_on};
use super::statistics::rms;
use super::tolerance::{HALF_TOLERANCE, precision_tolerance};
use crate::EncoderError;

/// The outputs for one text or one batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outputs {
    /// Vectors of the real tokens, `[tokens, hidden]`; empty of a model that gives none.
    pub token: Vec<f32>,
    /// Each pooled output, `[hidden]`, or as wide as the one that was named.
    pub pooled: Vec<Vec<f32>>,
}

/// A model on the CPU with classified outputs.
pub(crate) struct ProbeModel<'a> {
    pub(super) session: Session,
    /// The model as read from its file.
    pub(super) model: &'a Model,
    pub(super) interface: Interface,
    /// The file that messages name.
    pub(super) path: &'a Path,
    /// The id that fills a batch.
    pub(super) pad: i64,
    /// The token output, if there is one, then the pooled ones.
    pub(super) outputs: Vec<String>,
}

/// The values of a tensor inside the model for one text.
pub(crate) enum InnerTensor {
    /// A vector for each of its tokens, `[tokens, hidden]`.
    Vectors {
        /// Row by row.
        values: Vec<f32>,
        /// Are batch and sequence one axis?
        flat: bool,
    },
    /// Something else, of this shape.
    Other(Vec<usize>),
}

/// Reads tensors inside the model, whose own session, with weights of its own, is closed.
pub(crate) struct InnerReader<'a> {
    pub interface: Interface,
    /// The file that messages name.
    path: &'a Path,
    /// The id that fills a batch.
    pad: i64,
}

impl InnerReader<'_> {
    /// The values of the inner tensors `names`, which are outputs in `session`, for one text.
    ///
    /// # Errors
    /// As [`ProbeModel::batch`], but for shapes.
    pub fn inside(
        &self,
        session: &mut Session,
        names: &[String],
        text: &[i64],
    ) -> Result<Vec<InnerTensor>, EncoderError> {
        let seq = self.interface.fixed_seq().unwrap_or(text.len());
        // Twice the same text, so that it shows where one ends.
        let rows = self.interface.fixed_batch().unwrap_or(2);
        let hidden = self.interface.hidden_size;
        let feed = Feed { texts: &[text], rows, seq, pairs: false };
        let tensors = run_on(session, &self.interface, self.pad, self.path, names, &feed)?;
        let read = |tensor: Floats| {
            let flat = tensor.shape == [rows * seq, hidden];
            if !flat && tensor.shape != [rows, seq, hidden] {
                return InnerTensor::Other(tensor.shape);
            }
            let row = &tensor.values[..seq * hidden];
            let repeats = tensor.values.chunks_exact(seq * hidden).all(|other| {
                let scale = rms(row);
                row.iter().zip(other).all(|(a, b)| f64::from((a - b).abs()) <= HALF_TOLERANCE * scale)
            });
            match repeats {
                true => InnerTensor::Vectors { values: row[..text.len() * hidden].to_vec(), flat },
                false => InnerTensor::Other(tensor.shape),
            }
        };
        Ok(tensors.into_iter().map(read).collect())
    }
}

impl<'a> ProbeModel<'a> {
    pub fn hidden_size(&self) -> usize {
        self.interface.hidden_size
    }

    pub fn has_tokens(&self) -> bool {
        self.interface.token_output.is_some()
    }

    /// The output that a text's vectors are judged by: the token output, else the first pooled one.
    pub fn main_output(&self) -> &str {
        self.outputs.first().map_or("", String::as_str)
    }

    /// The token output, if there is one, then the pooled ones.
    pub fn output_names(&self) -> Vec<&str> {
        self.outputs.iter().map(String::as_str).collect()
    }

    pub fn pooled_outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().skip(usize::from(self.has_tokens())).map(String::as_str)
    }

    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Takes what was found as the table of positions for something else.
    pub fn forget_position_table(&mut self) {
        self.interface.position_rows = None;
    }

    /// Replaces the token id that fills batches, and returns the old one.
    pub fn replace_pad_id(&mut self, pad: i64) -> i64 {
        std::mem::replace(&mut self.pad, pad)
    }

    /// The outputs for one text.
    ///
    /// # Errors
    /// As [`ProbeModel::batch`].
    pub fn single(&mut self, text: &[i64]) -> Result<Outputs, EncoderError> {
        Ok(self.batch(&[text])?.remove(0))
    }

    /// The outputs for each of the texts, run as one batch, padded at the end to the longest of them; a model of a
    /// fixed batch in as many runs as it takes.
    ///
    /// # Errors
    /// [`EncoderError::Run`], [`EncoderError::OutputType`], [`EncoderError::OutputShape`].
    pub fn batch(&mut self, texts: &[&[i64]]) -> Result<Vec<Outputs>, EncoderError> {
        let seq = self.interface.fixed_seq().unwrap_or(longest(texts));
        let rows = self.interface.fixed_batch().unwrap_or(texts.len()).max(1);
        let mut outputs = Vec::new();
        for texts in texts.chunks(rows) {
            outputs.extend(self.run(&Feed { texts, rows, seq, pairs: false })?);
        }
        Ok(outputs)
    }

    fn run(&mut self, feed: &Feed<'_>) -> Result<Vec<Outputs>, EncoderError> {
        let (rows, seq, hidden, has_tokens) = (feed.rows, feed.seq, self.hidden_size(), self.has_tokens());
        let pooled_size = self.interface.width(FeatureKind::Pooled(Pool::Pooler));
        let tensors = self.tensors(feed)?;
        for (index, tensor) in tensors.iter().enumerate() {
            let expected: &[usize] = if index == 0 && has_tokens { &[rows, seq, hidden] } else { &[rows, pooled_size] };
            if tensor.shape != expected {
                return Err(EncoderError::OutputShape {
                    path: self.path.to_path_buf(),
                    output: self.outputs[index].clone(),
                    batch: rows,
                    seq,
                    found: tensor.shape.clone(),
                    expected: format!("{expected:?}"),
                });
            }
        }
        let (token, pooled) = tensors.split_at(usize::from(has_tokens));
        let outputs = feed.texts.iter().enumerate().map(|(row, text)| Outputs {
            token: token
                .iter()
                .flat_map(|token| &token.values[row * seq * hidden..(row * seq + text.len()) * hidden])
                .copied()
                .collect(),
            pooled: pooled
                .iter()
                .map(|pooled| pooled.values[row * pooled_size..(row + 1) * pooled_size].to_vec())
                .collect(),
        });
        Ok(outputs.collect())
    }

    /// Does the model read a text of this length? What it gives for it must be finite.
    ///
    /// # Errors
    /// As [`ProbeModel::batch`], but for a run that fails; [`EncoderError::NotFinite`].
    pub fn reads(&mut self, text: &[i64]) -> Result<bool, EncoderError> {
        if self.interface.fixed_seq().is_some_and(|seq| text.len() > seq) {
            return Ok(false);
        }
        match self.single(text) {
            Ok(outputs) => self.check_finite(&outputs, &format!("a text of {} tokens", text.len())).map(|()| true),
            Err(EncoderError::Run { source, .. }) if matches!(*source, RuntimeError::Run { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// # Errors
    /// [`EncoderError::NotFinite`] naming the output.
    pub fn check_finite(&self, outputs: &Outputs, text: &str) -> Result<(), EncoderError> {
        let all = self.has_tokens().then_some(&outputs.token).into_iter().chain(&outputs.pooled);
        match all.zip(&self.outputs).find(|(values, _)| !values.iter().all(|value| value.is_finite())) {
            Some((_, output)) => Err(EncoderError::NotFinite {
                path: self.path.to_path_buf(),
                output: output.clone(),
                text: text.to_owned(),
                cause: self.cause_of_no_numbers(),
            }),
            None => Ok(()),
        }
    }

    /// Why outputs are not finite, as far as the model's constants tell.
    fn cause_of_no_numbers(&self) -> String {
        match self.model.suspect(&self.output_names()) {
            Some(found) => format!("{found}: the weights are damaged"),
            None if precision_tolerance(self.model) == HALF_TOLERANCE => {
                "all its parameters are finite, so numbers on the way are too large for their type: take a file in float32"
                    .to_owned()
            }
            None => "all its parameters are finite, so numbers on the way overflow: the weights are damaged".to_owned(),
        }
    }

    /// Closes the session.
    pub fn close(self) -> InnerReader<'a> {
        InnerReader { interface: self.interface, path: self.path, pad: self.pad }
    }

    /// Runs a batch and gives the outputs of interest as they come.
    pub(super) fn tensors(&mut self, feed: &Feed<'_>) -> Result<Vec<Floats>, EncoderError> {
        run_on(&mut self.session, &self.interface, self.pad, self.path, &self.outputs, feed)
    }
}

fn longest(texts: &[&[i64]]) -> usize {
    texts.iter().map(|text| text.len()).max().unwrap_or(0)
}
