//! The eval stage: a run's scores on splits of its dataset.

use larder_data::DatasetSpec;
use larder_evaluate::{EvaluateOutcome, evaluate_features};
use larder_metrics::CoverageRequest;
use larder_run::{Larder, Observer, RunRecord, SplitAnswers};
use larder_runtime::Device;

use crate::PipelineError;
use crate::encode::encode_split;

/// Options of an evaluation.
#[derive(Debug, Clone, Copy)]
pub struct EvaluateOptions<'a> {
    /// The splits; all but the training split if empty.
    pub splits: &'a [String],
    /// The device that encodes missing features.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
    /// Sets with this coverage are measured.
    pub coverage: Option<CoverageRequest>,
}

/// Scores a run on splits of a dataset, on features made with the run's settings. A split without labels is answered but not
/// scored.
///
/// The results replace the run's earlier ones on these splits; results on other splits are kept if their files are unchanged.
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

/// As [`evaluate`]; adds the answers to `kept` if given, which costs memory for every word of every split.
pub(crate) fn evaluate_keeping(
    larder: &Larder,
    record: &RunRecord,
    spec: &DatasetSpec,
    options: &EvaluateOptions<'_>,
    kept: Option<&mut Vec<SplitAnswers>>,
    observer: &mut dyn Observer,
) -> Result<EvaluateOutcome, PipelineError> {
    let EvaluateOptions { splits, device, threads, coverage } = *options;
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
    let mut outcome = evaluate_features(larder, record, &encoder, spec, &features, coverage, kept)?;
    times.append(&mut outcome.times);
    Ok(EvaluateOutcome { times, ..outcome })
}
