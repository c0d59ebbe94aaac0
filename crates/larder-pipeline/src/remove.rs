//! Removing an encoder.

use larder_intake::Encoder;
use larder_run::{Larder, RunRecord};

use crate::PipelineError;

/// Removes an encoder from the home. Vectors that it made stay, and so do runs; those that were not fine-tuned answer no text without
/// it.
///
/// # Errors
/// [`PipelineError::EncoderInUse`] if runs need it, unless `force`; [`PipelineError::Run`] if there is none of that name.
pub fn remove_encoder(larder: &Larder, name: &str, force: bool) -> Result<(), PipelineError> {
    let needs_it = |run: &String| {
        let record = RunRecord::open(larder, run);
        record.is_ok_and(|record| record.encoder == name && record.head.tuned().is_none())
    };
    let runs: Vec<String> = RunRecord::names(larder).into_iter().filter(needs_it).collect();
    if !runs.is_empty() && !force {
        return Err(PipelineError::EncoderInUse { encoder: name.to_owned(), runs });
    }
    Ok(Encoder::remove(larder.home(), name)?)
}
