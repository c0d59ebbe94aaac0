//! What a run's numbers and rows say: gathers the facts for the rules of `larder-diagnose`, and keeps what they find in
//! the run's folder.

mod scores;
mod shift;
mod splits;
mod texts;
mod training;

use std::path::Path;

use larder_diagnose::{FORMAT_VERSION, RunDiagnosis};
use larder_files::{read_json_text, write_json};

use crate::PipelineError;

pub(crate) use splits::{Files, of_splits};
pub(crate) use training::{FitFacts, TuneFacts, held_out_loss, of_fit, of_tuning};

/// The findings about a run, in its folder.
pub const DIAGNOSIS_FILE: &str = "diagnosis.json";

/// What is known of run `run`; nothing where the file is not there, or of another version.
///
/// # Errors
/// [`PipelineError::File`] for a file that cannot be read.
pub(crate) fn load(folder: &Path, run: &str) -> Result<RunDiagnosis, PipelineError> {
    let text = read_json_text(&folder.join(DIAGNOSIS_FILE))?;
    let found: Option<RunDiagnosis> = text.and_then(|text| serde_json::from_slice(text.as_ref()).ok());
    Ok(found.filter(|found| found.format_version == FORMAT_VERSION).unwrap_or_else(|| RunDiagnosis::new(run)))
}

/// Writes what is known of a run into its folder.
///
/// # Errors
/// [`PipelineError::File`] when the disk refuses.
pub(crate) fn save(folder: &Path, diagnosis: &RunDiagnosis) -> Result<(), PipelineError> {
    Ok(write_json(&folder.join(DIAGNOSIS_FILE), diagnosis)?)
}
