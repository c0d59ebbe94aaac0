//! Answers to new texts, with the very settings the run recorded.

mod error;
mod file;
mod input;
mod layout;
mod sequence;
mod tagging;

use larder_data::Content;
use larder_encode::EncodeError;
use larder_intake::Encoder;

pub use error::InputError;
pub use file::{FileOptions, FileOutcome, predict_file};
pub use input::{AskedRow, Input, InputOrigin};
pub use layout::InputFlags;
pub use sequence::{Prediction, Predictor};
pub use tagging::{EntityPrediction, TagPredictor, TaggedText};

use crate::finetune::tuned_encoder;
use crate::{HeadRecord, Larder, PipelineError, RunRecord};

/// Characters of a text that a message shows.
const EXCERPT: usize = 80;

/// `error` with the text that it is about, where it is about one of `contents`.
pub fn about_text(error: EncodeError, contents: &[Content]) -> PipelineError {
    let EncodeError::NotFinite { input, .. } = &error else { return error.into() };
    let text = contents.get(*input).map(|content| match content {
        Content::Text { text, .. } => text.chars().take(EXCERPT).collect(),
        Content::Words(words) => words.join(" ").chars().take(EXCERPT).collect(),
    });
    match text {
        Some(text) => PipelineError::NoVector { text, source: Box::new(error) },
        None => error.into(),
    }
}

impl RunRecord {
    /// The run's encoder, checked to be the one it was made with.
    pub(crate) fn encoder(&self, larder: &Larder) -> Result<Encoder, PipelineError> {
        if let HeadRecord::Tuned(tuned) = &self.head {
            let encoder = tuned_encoder(&self.folder(larder)?, &self.run)?;
            return match encoder.manifest().digest == tuned.encoder_digest {
                true => Ok(encoder),
                false => Err(PipelineError::BrokenRun { run: self.run.clone() }),
            };
        }
        let encoder = larder.encoder(&self.encoder)?;
        let found = encoder.manifest().digest.clone();
        if found != self.encoder_digest {
            return Err(PipelineError::EncoderChanged {
                run: self.run.clone(),
                encoder: self.encoder.clone(),
                recorded: self.encoder_digest.clone(),
                found,
            });
        }
        Ok(encoder)
    }
}
