//! A run's scores on features files, merged with those on other splits.

use std::path::PathBuf;

use larder_data::DatasetSpec;
use larder_diagnose::RunDiagnosis;
use larder_files::Provenance;
use larder_intake::Encoder;
use larder_metrics::CoverageRequest;
use larder_run::{
    Evaluation, EvaluationContext, Larder, RunRecord, RunSets, SplitAnswers, SplitSource, StageTime, StageTimer,
    is_current, load_diagnosis, save_diagnosis, tasks,
};

use crate::EvaluateError;
use crate::findings::{SplitFiles, split_findings};

/// Version of the computation of answers.
const ANSWERS_VERSION: u32 = 1;

/// A run's scores, findings and times.
#[derive(Debug, Clone)]
pub struct EvaluateOutcome {
    /// The scores.
    pub evaluation: Evaluation,
    /// The findings about the run's training, these splits, and those evaluated before.
    pub diagnosis: RunDiagnosis,
    /// The time of each stage in this invocation.
    pub times: Vec<StageTime>,
}

/// Scores a run on splits of its dataset whose tokens and features are up to date: writes `metrics.json`, the answers to
/// `predictions.parquet`, and the findings to `diagnosis.json`. A split without labels is answered but not scored.
///
/// The results replace the run's earlier ones on these splits; results on other splits are kept if their files are unchanged.
/// `encoder` is the run's. Sets with the `coverage` asked for are measured too. Answers are added to `kept` if given, which costs memory for every word of every split.
///
/// # Errors
/// [`EvaluateError::Run`].
pub fn evaluate_features(
    larder: &Larder,
    record: &RunRecord,
    encoder: &Encoder,
    spec: &DatasetSpec,
    features: &[(String, PathBuf)],
    coverage: Option<CoverageRequest>,
    kept: Option<&mut Vec<SplitAnswers>>,
) -> Result<EvaluateOutcome, EvaluateError> {
    let folder = record.folder(larder)?;
    let sets = coverage.map(|request| RunSets::open(&folder, record, request)).transpose()?;
    let splits: Vec<String> = features.iter().map(|(split, _)| split.clone()).collect();
    let sources = splits
        .iter()
        .map(|split| SplitSource::of(larder, spec, encoder.name(), split))
        .collect::<Result<Vec<_>, _>>()?;
    // Keep results on other splits as long as their files are unchanged.
    let earlier = Evaluation::load(&folder, record).map(|earlier| {
        earlier.only(|split, digest| !splits.iter().any(|one| one == split) && is_current(spec, split, digest))
    });
    let kept_splits: Vec<(String, String)> = earlier.as_ref().map(Evaluation::judged).unwrap_or_default();
    let keep: Vec<String> = kept_splits.iter().map(|(split, _)| split.clone()).collect();
    let mut provenance = Provenance::new("eval", ANSWERS_VERSION)
        .with("run", &record.run)
        .with("run.digest", record.provenance.digest());
    let judged_now = sources.iter().map(|source| (source.split.clone(), source.data_digest.clone()));
    for (split, digest) in kept_splits.into_iter().chain(judged_now) {
        provenance = provenance.with(&format!("data.{split}.digest"), digest);
    }
    let mut timer = StageTimer::default();
    let head = record.load_head(larder)?;
    let context = EvaluationContext {
        record,
        features,
        sources: &sources,
        keep: &keep,
        folder: &folder,
        provenance: &provenance,
        sets: sets.as_ref(),
    };
    let mut evaluation = tasks::of(record.task()).evaluate(&context, &head, &mut timer, kept)?;
    let columns = head.column_names();
    let files = SplitFiles { larder, record, columns: &columns, features };
    let findings = split_findings(&files, encoder, &evaluation)?;
    evaluation.advise(&findings);
    match earlier {
        Some(earlier) => earlier.with(&evaluation, spec).save(&folder)?,
        None => evaluation.save(&folder)?,
    }
    let mut diagnosis = load_diagnosis(&folder, &record.run)?;
    diagnosis.replace(&splits, findings);
    save_diagnosis(&folder, &diagnosis)?;
    Ok(EvaluateOutcome { evaluation, diagnosis, times: timer.times })
}
