//! The main job from nothing: set-up, encoder, a small data set that larder has inside, and a run.

use std::path::{Path, PathBuf};

use larder_data::DatasetSpec;
use larder_files::{FileError, write_atomic};
use larder_intake::{AddRequest, Encoder, EncoderError, add};
use larder_run::{Larder, Observer, RunError, TrainOptions};
use larder_runtime::{DEFAULT_ENCODER, Part, RuntimeError, default_encoder_folder, set_up};

use crate::PipelineError;
use crate::run::{RunOutcome, run};

/// Requests to a household assistant, as `data/intents` has them.
const FILES: [(&str, &str); 4] = [
    (DESCRIPTION, include_str!("../../../data/intents/intents.toml")),
    ("train.csv", include_str!("../../../data/intents/train.csv")),
    ("dev.csv", include_str!("../../../data/intents/dev.csv")),
    ("test.csv", include_str!("../../../data/intents/test.csv")),
];
const DESCRIPTION: &str = "intents.toml";
/// The folder in the home that they are written to.
const FOLDER: &str = "quickstart";

/// The result of the quick start.
#[derive(Debug)]
pub struct QuickstartOutcome {
    /// The run.
    pub run: RunOutcome,
    /// A text of the kind that the run was trained on, to try it with.
    pub example: &'static str,
}

/// Encodes a small data set with the default encoder, trains and evaluates. What is missing is set up first: ONNX Runtime and the
/// encoder are downloaded, which is said before, with the sizes. What is up to date is skipped.
///
/// # Errors
/// [`PipelineError`] of the first step that fails.
pub fn quickstart(
    larder: &Larder,
    observer: &mut dyn Observer,
    progress: &mut dyn FnMut(&str),
) -> Result<QuickstartOutcome, PipelineError> {
    let encoder = encoder(larder, progress)?;
    let description = write_dataset(&larder.home().root().join(FOLDER))?;
    let spec = DatasetSpec::load(&description)?;
    let run = run(larder, &spec, &encoder, &TrainOptions::of_task(spec.task), observer)?;
    Ok(QuickstartOutcome { run, example: "wake me up at seven" })
}

/// The default encoder of the home, added if it is not there.
fn encoder(larder: &Larder, progress: &mut dyn FnMut(&str)) -> Result<Encoder, PipelineError> {
    let there = match larder.encoder(DEFAULT_ENCODER) {
        Err(RunError::Encoder(error)) if matches!(*error, EncoderError::NotFound { .. }) => None,
        there => Some(there?),
    };
    // A library that was named and does not load is the user's to mend.
    let no_runtime = match larder.runtime() {
        Err(RunError::Runtime(RuntimeError::NoLibrary { tried })) if tried.len() > 1 => true,
        loaded => loaded.map(|_| false)?,
    };
    let no_encoder = there.is_none() && default_encoder_folder().is_none();
    let missing = [(Part::Runtime, no_runtime), (Part::Encoder, no_encoder)];
    let missing: Vec<Part> = missing.into_iter().filter(|(_, missing)| *missing).map(|(part, _)| part).collect();
    if !missing.is_empty() {
        set_up(&missing)?;
    }
    if let Some(encoder) = there {
        return Ok(encoder);
    }
    let request = AddRequest {
        source: PathBuf::from(DEFAULT_ENCODER),
        name: Some(DEFAULT_ENCODER.to_owned()),
        tokenizer: None,
        replace: false,
        offline: true,
    };
    Ok(add(larder.home(), larder.runtime()?, &request, progress)?.encoder)
}

/// Writes the data set where it is not there as larder has it; returns its description's path.
fn write_dataset(folder: &Path) -> Result<PathBuf, FileError> {
    std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
    for (name, content) in FILES {
        let path = folder.join(name);
        if std::fs::read(&path).is_ok_and(|there| there == content.as_bytes()) {
            continue;
        }
        write_atomic(&path, |file| file.write_all(content.as_bytes()))?;
    }
    Ok(folder.join(DESCRIPTION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_is_written_once_and_mended() {
        let folder = tempfile::tempdir().unwrap();
        let description = write_dataset(folder.path()).unwrap();
        let rows = |split: &str| {
            let spec = DatasetSpec::load(&description).unwrap();
            spec.split_files(split).unwrap().len()
        };
        assert_eq!((rows("train"), rows("dev"), rows("test")), (1, 1, 1));
        let train = folder.path().join("train.csv");
        let written = train.metadata().unwrap().modified().unwrap();
        write_dataset(folder.path()).unwrap();
        assert_eq!(train.metadata().unwrap().modified().unwrap(), written);
        std::fs::write(&train, "half a ro").unwrap();
        write_dataset(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&train).unwrap(), FILES[1].1);
    }
}
