//! The encode stage: token ids to vectors.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_encode::{
    EncodeError, EncodeRequest, EncodeSettings, Engine, EngineSettings, Forecast, LongTexts, encode, forecast,
    plan_encode,
};
use larder_files::{FileError, Freshness, Parts, remove_left_beside};
use larder_intake::Encoder;
use larder_run::{EncodeOptions, Event, Larder, Observer, RunError, Stage, StageTime};
use larder_store::{FeatureDtype, FeaturesFile};

use crate::PipelineError;
use crate::tokenize::tokenize_split;

/// Brings one split's tokens file and features file up to date.
///
/// # Errors
/// [`PipelineError`].
pub fn encode_split(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    split: &str,
    options: &EncodeOptions,
    observer: &mut dyn Observer,
) -> Result<(PathBuf, Vec<StageTime>), PipelineError> {
    let (tokens, tokenized) = tokenize_split(larder, spec, encoder, split, &options.tokenize, observer)?;
    let target = target(larder, spec, encoder, split, options)?;
    loop {
        match encode_tokens(larder, encoder, split, options, (&tokens, &target), observer) {
            // Whoever held it may have made the file.
            Err(error) if is_locked(&error) && Parts::wait(&target) => {}
            encoded => return Ok((target, vec![tokenized, encoded?])),
        }
    }
}

fn is_locked(error: &PipelineError) -> bool {
    let PipelineError::Run(RunError::Encode(error)) = error else { return false };
    matches!(**error, EncodeError::File(FileError::Locked { .. }))
}

/// Brings the features file up to date with the tokens file.
fn encode_tokens(
    larder: &Larder,
    encoder: &Encoder,
    split: &str,
    options: &EncodeOptions,
    (tokens, target): (&Path, &Path),
    observer: &mut dyn Observer,
) -> Result<StageTime, PipelineError> {
    let started = Instant::now();
    let request = request(encoder, tokens, target, options);
    let elsewhere = elsewhere(larder, &options.settings);
    let request = EncodeRequest { elsewhere: &elsewhere, ..request };
    let time = |rows: usize, fresh, device| StageTime {
        stage: Stage::Encode,
        split: split.to_owned(),
        seconds: started.elapsed().as_secs_f64(),
        rows: rows as u64,
        fresh,
        device,
    };
    let changes = match plan_encode(&request)?.freshness {
        Freshness::Fresh if !options.force => {
            observer.event(Event::Fresh { stage: Stage::Encode, subject: split, path: target });
            let file = FeaturesFile::open(target)?;
            if let Some(provenance) = file.provenance() {
                remove_left_beside(target, &provenance);
            }
            if !file.has_checksums() {
                observer.event(Event::Note(
                    "the features were written by an earlier larder and have no checksums, so a damaged bit would not be found; \
                     `larder encode --force` adds them",
                ));
            }
            return Ok(time(file.rows(), true, None));
        }
        Freshness::Stale(changes) => changes,
        Freshness::Fresh | Freshness::Missing => Vec::new(),
    };
    observer.event(Event::Started { stage: Stage::Encode, subject: split, changes: &changes });
    let report = encode(larder.runtime()?, &request, &mut |progress| {
        observer.event(Event::Encoding(progress));
        ControlFlow::Continue(())
    })?;
    observer.event(Event::Encoded { split, report: &report, path: target });
    Ok(time(report.rows, false, Some(report.device.to_string())))
}

/// Predicts the work and time of [`encode_split`]. The tokens file is brought up to date; no features are written.
///
/// # Errors
/// [`PipelineError`].
pub fn forecast_split(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    split: &str,
    options: &EncodeOptions,
    observer: &mut dyn Observer,
) -> Result<Forecast, PipelineError> {
    let (tokens, _) = tokenize_split(larder, spec, encoder, split, &options.tokenize, observer)?;
    let target = target(larder, spec, encoder, split, options)?;
    let elsewhere = elsewhere(larder, &options.settings);
    let request = EncodeRequest { elsewhere: &elsewhere, ..request(encoder, &tokens, &target, options) };
    Ok(forecast(larder.runtime()?, &request)?)
}

/// Returns the features files of the home whose rows may have vectors for these settings: those of the same kind, then those in float32, which
/// coarser ones are made of.
fn elsewhere(larder: &Larder, settings: &EncodeSettings) -> Vec<PathBuf> {
    let fine = EncodeSettings { dtype: FeatureDtype::F32, ..settings.clone() };
    let mut files = larder.home().features_of_kind(&settings.kind());
    if fine.dtype != settings.dtype {
        files.extend(larder.home().features_of_kind(&fine.kind()));
    }
    files
}

/// Returns the features file of a split.
pub(crate) fn target(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    split: &str,
    options: &EncodeOptions,
) -> Result<PathBuf, PipelineError> {
    Ok(larder.home().features(&spec.name, encoder.name(), &options.settings.kind(), split)?)
}

pub(crate) fn request<'a>(
    encoder: &'a Encoder,
    tokens: &'a Path,
    target: &'a Path,
    options: &'a EncodeOptions,
) -> EncodeRequest<'a> {
    EncodeRequest { encoder, tokens, target, settings: &options.settings, reuse: !options.force, elsewhere: &[] }
}

/// Returns an engine for the columns of `settings`, for texts outside a dataset, of which long ones are read as `long` says.
///
/// # Errors
/// [`PipelineError::Run`].
pub fn embed_features(
    larder: &Larder,
    encoder: &Encoder,
    settings: &EncodeSettings,
    long: LongTexts,
) -> Result<Engine, PipelineError> {
    let outputs = settings.outputs(encoder.interface().last_layer())?;
    let settings = EngineSettings { long, ..settings.engine() };
    Ok(Engine::new(larder.runtime()?, encoder, &outputs, settings)?)
}
