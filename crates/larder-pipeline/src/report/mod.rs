//! Runs on one HTML page: what their folders and caches hold is gathered here, and `larder-report` writes it down.
//!
//! Nothing is computed again. What a run lacks (it was not evaluated, its features were deleted) is said on the page, and
//! the rest stands.

mod answers;
mod cache;
mod embedding;
mod facts;
mod findings;
mod history;
mod lengths;
mod metrics;
mod table;
mod training;

use std::path::Path;

use larder_files::write_atomic;
use larder_report::{Page, Part, Run, Scores, StageSeconds};

use crate::evaluate::{Evaluation, is_current};
use crate::{Larder, PipelineError, RunRecord, StageTime};

use answers::Answers;
use cache::Cache;

/// Writes a page about `runs` to `target` and gives the length of the file in bytes. A run named twice counts once.
///
/// # Errors
/// [`PipelineError::UnknownRun`] and the like for a run whose record cannot be read; [`PipelineError::File`] when the disk
/// refuses.
pub fn write_report(larder: &Larder, runs: &[String], target: &Path) -> Result<u64, PipelineError> {
    let html = report(larder, runs)?.html()?;
    write_atomic(target, |file| file.write_all(html.as_bytes()))?;
    Ok(html.len() as u64)
}

/// Everything that a page about `runs` tells.
///
/// # Errors
/// As [`write_report`], of reading.
pub fn report(larder: &Larder, runs: &[String]) -> Result<Page, PipelineError> {
    let mut records: Vec<RunRecord> = Vec::new();
    for run in runs {
        if records.iter().all(|known| known.run != *run) {
            records.push(RunRecord::open(larder, run)?);
        }
    }
    let runs = records.iter().map(|record| gather(larder, record)).collect::<Result<_, _>>()?;
    Ok(Page { runs, version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// A sentence in place of something that is not there.
type Lacking<T> = Result<T, String>;

fn gather(larder: &Larder, record: &RunRecord) -> Result<Run, PipelineError> {
    let folder = record.folder(larder)?;
    let evaluation = metrics::read(&folder, record);
    let answers = answers::read(&folder, record);
    let cache = Cache::new(larder, record, evaluation.as_ref().ok());
    let first = evaluation.as_ref().ok().and_then(|evaluation| evaluation.split_names().into_iter().next());
    let embedding = match &first {
        Some(split) => embedding::gather(larder, record, &cache, split, &answers),
        None => Err("There are no embeddings to show: no split was evaluated.".to_owned()),
    };
    let splits = evaluation.as_ref().map(Evaluation::split_names).unwrap_or_default();
    Ok(Run {
        name: record.run.clone(),
        dataset: record.dataset.clone(),
        encoder: record.encoder.clone(),
        head: facts::head(record),
        facts: facts::facts(larder, record),
        settings: facts::settings(record),
        labels: facts::class_names(record),
        findings: findings::gather(&folder, record).into(),
        learning_curve: findings::learning_curve(&folder),
        training: training::gather(&folder, record),
        lengths: lengths::gather(record, &cache, &splits).into(),
        stages: record.stages.iter().map(stage_seconds).collect(),
        remarks: remarks(record, evaluation.as_ref().ok()),
        scores: scores(evaluation, &answers, &cache),
        embedding: embedding.into(),
    })
}

/// What must be said beside the scores, and which of them are of files that have changed since.
fn remarks(record: &RunRecord, evaluation: Option<&Evaluation>) -> Vec<String> {
    let Some(evaluation) = evaluation else { return Vec::new() };
    let mut remarks = evaluation.remarks();
    // Without the description nothing tells.
    if let Ok(spec) = record.dataset_spec(None) {
        let changed = evaluation.judged().into_iter();
        let changed = changed.filter(|(split, digest)| !digest.is_empty() && !is_current(&spec, split, digest));
        remarks.extend(changed.map(|(split, _)| {
            format!(
                "{split}: these scores are of another file than the one of {} now: `larder eval {}` scores that",
                spec.path.display(),
                record.run
            )
        }));
    }
    remarks
}

fn scores(evaluation: Lacking<Evaluation>, answers: &Lacking<Answers>, cache: &Cache<'_>) -> Part<Scores> {
    let scores = evaluation.map(|evaluation| match evaluation {
        Evaluation::Sequence(evaluation) => {
            let display = evaluation.display;
            let split = |split| metrics::class_split(split, &display, answers, cache);
            Scores::Classes(evaluation.splits.into_iter().map(split).collect())
        }
        Evaluation::Tagging(evaluation) => {
            let split = |split| metrics::entity_split(split, answers);
            Scores::Entities(evaluation.splits.into_iter().map(split).collect())
        }
    });
    scores.into()
}

fn stage_seconds(stage: &StageTime) -> StageSeconds {
    StageSeconds {
        stage: stage.stage.to_string(),
        split: stage.split.clone(),
        rows: stage.rows,
        seconds: stage.seconds,
        note: match (&stage.device, stage.fresh) {
            (_, true) => "up to date".to_owned(),
            (Some(device), false) => device.clone(),
            (None, false) => String::new(),
        },
    }
}
