//! The encoder of a plan: put into the store where the plan is made, and into a worker's home.

use std::path::Path;

use larder_files::FileError;
use larder_intake::Encoder;
use larder_run::Larder;
use larder_scale::{PlannedEncoder, ScaleError, Store, fetch_encoder_files, publish_encoder};

use crate::PipelineError;

/// Files that are of the machine where the encoder ran, not of the encoder.
const OF_THE_MACHINE: [&str; 1] = ["comparisons.json"];

/// Puts the files of an encoder into the store.
pub(super) fn publish(store: &Store, encoder: &Encoder) -> Result<PlannedEncoder, PipelineError> {
    let folder = encoder.folder();
    let failed = || FileError::io("read the folder", folder);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().map_err(failed())?.is_file();
        if is_file && !name.starts_with('.') && !OF_THE_MACHINE.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let manifest = encoder.manifest();
    let digests = (manifest.digest.as_str(), manifest.tokenizer_digest.as_str());
    Ok(publish_encoder(store, encoder.name(), folder, &names, digests)?)
}

/// Opens an encoder of a plan in the home, fetching it where there is none of its name.
pub(super) fn open(larder: &Larder, store: &Store, planned: &PlannedEncoder) -> Result<Encoder, PipelineError> {
    let place = larder.home().encoder(&planned.name)?;
    if !place.exists() {
        fetch(&larder.home().encoders(), &place, store, planned)?;
    }
    let encoder = larder.encoder(&planned.name)?;
    let manifest = encoder.manifest();
    let pairs = [(&manifest.digest, &planned.model_digest), (&manifest.tokenizer_digest, &planned.tokenizer_digest)];
    if let Some((found, expected)) = pairs.into_iter().find(|(found, expected)| found != expected) {
        let (name, home) = (planned.name.clone(), larder.home().encoders());
        let (expected, found) = (expected.clone(), found.clone());
        return Err(ScaleError::OtherEncoder { name, home, expected, found }.into());
    }
    Ok(encoder)
}

/// Fetches the encoder beside its place and renames it: two workers of one home may do so at once.
fn fetch(encoders: &Path, place: &Path, store: &Store, planned: &PlannedEncoder) -> Result<(), PipelineError> {
    let io = |action, path: &Path| FileError::io(action, path);
    std::fs::create_dir_all(encoders).map_err(io("make the folder", encoders))?;
    let folder = tempfile::Builder::new().prefix(".fetched-").tempdir_in(encoders);
    let folder = folder.map_err(io("make a folder in", encoders))?;
    let whole = folder.path().join("encoder");
    fetch_encoder_files(store, planned, &whole)?;
    match std::fs::rename(&whole, place) {
        // Another worker was first.
        Err(_) if place.exists() => Ok(()),
        renamed => Ok(renamed.map_err(io("rename into place", place))?),
    }
}
