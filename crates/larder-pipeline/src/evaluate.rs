//! A run's scores on splits of its dataset, whose features are brought up to date first.

use larder_data::DatasetSpec;
use larder_evaluate::{EvaluateOutcome, evaluate_features};
use larder_run::{Larder, Observer, RunRecord, SplitAnswers};
use larder_runtime::Device;

use crate::PipelineError;
use crate::encode::encode_split;

/// What to evaluate, and where.
#[derive(Debug, Clone, Copy)]
pub struct EvaluateOptions<'a> {
    /// The splits; all but the training split if empty.
    pub splits: &'a [String],
    /// Where features that are missing are encoded.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// Scores a run on splits of a dataset, on features made with the settings the run recorded. A split without labels is answered
/// and has no scores.
///
/// The results of these splits replace those that the run has of them; of other splits it keeps those that are still of the
/// dataset's files.
///
/// # Errors
/// [`PipelineError`].
pub fn evaluate(
    larder: &Larder,
    record: &RunRecord,
    spec: &DatasetSpec,
    options: &EvaluateOptions<'_>,
    observer: &mut dyn Observer,
) -> Result<EvaluateOutcome, PipelineError> {
    evaluate_keeping(larder, record, spec, options, None, observer)
}

/// As [`evaluate`]; puts what was answered into `kept`, which costs memory for every word of every split.
pub(crate) fn evaluate_keeping(
    larder: &Larder,
    record: &RunRecord,
    spec: &DatasetSpec,
    options: &EvaluateOptions<'_>,
    kept: Option<&mut Vec<SplitAnswers>>,
    observer: &mut dyn Observer,
) -> Result<EvaluateOutcome, PipelineError> {
    let EvaluateOptions { splits, device, threads } = *options;
    let encoder = record.encoder(larder)?;
    let encode = record.encode_options(device, threads);
    let asked: Vec<String> = if splits.is_empty() {
        spec.split_names().filter(|split| *split != record.train_split).map(str::to_owned).collect()
    } else {
        splits.to_vec()
    };
    let (mut features, mut times) = (Vec::new(), Vec::new());
    for split in asked {
        let (path, more) = encode_split(larder, spec, &encoder, &split, &encode, observer)?;
        times.extend(more);
        features.push((split, path));
    }
    let mut outcome = evaluate_features(larder, record, &encoder, spec, &features, kept)?;
    times.append(&mut outcome.times);
    Ok(EvaluateOutcome { times, ..outcome })
}
