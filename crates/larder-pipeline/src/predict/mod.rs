//! Answers to new texts, with the very settings the run recorded.

mod sequence;
mod tagging;

use larder_encoder::Encoder;

pub use sequence::{Prediction, Predictor};
pub use tagging::{EntityPrediction, TagPredictor, TaggedText, TextOrWords};

use crate::{Larder, PipelineError, RunRecord};

impl RunRecord {
    /// The run's encoder, checked to be the one it was made with.
    pub(crate) fn encoder(&self, larder: &Larder) -> Result<Encoder, PipelineError> {
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
