//! Answers to new texts, with the very settings the run recorded.

mod file;
mod sequence;
mod tagging;

use larder_encoder::Encoder;

pub use file::{FileOptions, FileOutcome, InputError, predict_file};
pub use sequence::{Prediction, Predictor};
pub use tagging::{EntityPrediction, TagPredictor, TaggedText, TextOrWords};

use crate::finetune::tuned_encoder;
use crate::{HeadRecord, Larder, PipelineError, RunRecord};

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
