//! All stages on one dataset and encoder.

use larder_data::DatasetSpec;
use larder_diagnose::RunDiagnosis;
use larder_intake::Encoder;
use larder_run::{Evaluation, Larder, Observer, StageTime, TrainOptions};

use crate::PipelineError;
use crate::evaluate::{EvaluateOptions, evaluate};
use crate::train::{TrainOutcome, train};

/// The result of all stages.
#[derive(Debug)]
pub struct RunOutcome {
    /// The run.
    pub trained: TrainOutcome,
    /// Its scores on every split but train.
    pub evaluation: Evaluation,
    /// The findings about the training and each split.
    pub diagnosis: RunDiagnosis,
    /// The time of each stage, in order.
    pub times: Vec<StageTime>,
}

/// Tokenizes, encodes, trains and evaluates; stages that are up to date are skipped.
///
/// # Errors
/// [`PipelineError`] of the first stage that fails.
pub fn run(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, PipelineError> {
    let trained = train(larder, spec, encoder, options, observer)?;
    let settings = &options.encode.settings;
    let judged = EvaluateOptions { splits: &[], device: settings.device, threads: settings.threads, coverage: None };
    let scored = evaluate(larder, &trained.record, spec, &judged, observer)?;
    let times = trained.times.iter().chain(&scored.times).cloned().collect();
    Ok(RunOutcome { trained, evaluation: scored.evaluation, diagnosis: scored.diagnosis, times })
}
