//! Collection of the page's data from the folders and caches of runs. Nothing is computed again; missing parts (no evaluation,
//! deleted features) are noted on the page.

mod cache;
mod compared;
mod embedding;
mod facts;
mod found;
mod lengths;
mod without_texts;

use std::path::{Path, PathBuf};

use larder_diagnose::RunDiagnosis;
use larder_files::{read_json, write_atomic};
use larder_run::page::{Line, Missing, Plot};
use larder_run::tasks::{self, SavedAnswers, SplitPage};
use larder_run::{DIAGNOSIS_FILE, Evaluation, Larder, RunError, RunRecord, coverage_page, is_current};

use crate::ReportError;
use crate::page::{Page, RunPage, Scores, SplitScores};
pub use found::{FoundRequest, write_found};

use cache::Cache;
use compared::comparisons;
use without_texts::remove_texts;

/// A run with what is read of it.
struct ReadRun {
    record: RunRecord,
    folder: PathBuf,
    evaluation: Result<Evaluation, Missing>,
    answers: Result<SavedAnswers, Missing>,
}

/// Writes a page about `runs` to `target` and returns its size in bytes. A run named twice counts once. Without `texts` nothing of the data is on
/// it but ids, labels and numbers.
///
/// # Errors
/// [`ReportError::Run`] for a run that cannot be read, and for disk errors.
pub fn write_report(larder: &Larder, runs: &[String], target: &Path, texts: bool) -> Result<u64, ReportError> {
    let mut records: Vec<RunRecord> = Vec::new();
    for run in runs {
        if records.iter().all(|known| known.run != *run) {
            records.push(RunRecord::open(larder, run)?);
        }
    }
    let read = records.into_iter().map(|record| read_run(larder, record)).collect::<Result<Vec<_>, _>>()?;
    let mut pages: Vec<RunPage> = read.iter().map(|run| run_page(larder, run)).collect();
    if !texts {
        pages.iter_mut().for_each(remove_texts);
    }
    let comparisons = comparisons(&read);
    let html = Page { runs: pages, comparisons, version: env!("CARGO_PKG_VERSION") }.html()?;
    write_atomic(target, |file| file.write_all(html.as_bytes()))?;
    Ok(html.len() as u64)
}

fn read_run(larder: &Larder, record: RunRecord) -> Result<ReadRun, RunError> {
    let folder = record.folder(larder)?;
    let evaluation = Evaluation::read(&folder, &record);
    let answers = tasks::of(record.task()).saved_answers(&folder, &record);
    Ok(ReadRun { record, folder, evaluation, answers })
}

fn run_page(larder: &Larder, run: &ReadRun) -> RunPage {
    let ReadRun { record, folder, evaluation, answers } = run;
    let cache = Cache::new(larder, record, evaluation.as_ref().ok());
    let splits = evaluation.as_ref().map(Evaluation::split_names).unwrap_or_default();
    let embedding = match splits.first() {
        Some(split) => embedding::gather(larder, record, &cache, split, answers),
        None => Err("There are no embeddings to show: no split was evaluated.".into()),
    };
    let diagnosis = diagnosis(folder, record);
    RunPage {
        name: record.run.clone(),
        dataset: record.dataset.clone(),
        encoder: record.encoder.clone(),
        head: record.head.details().outline().kind,
        facts: facts::facts(larder, record),
        settings: facts::settings(record),
        learning_curve: diagnosis.as_ref().ok().and_then(learning_curve),
        findings: diagnosis.map(|diagnosis| diagnosis.findings),
        training: record.head.details().training(folder),
        lengths: lengths::gather(record, &cache, &splits),
        stages: record.stages.clone(),
        remarks: remarks(record, evaluation.as_ref().ok()),
        scores: match evaluation {
            Ok(evaluation) => Ok(scores(record, evaluation, answers, &cache)),
            Err(why) => Err(why.clone()),
        },
        embedding,
    }
}

/// Returns the findings about a run.
fn diagnosis(folder: &Path, record: &RunRecord) -> Result<RunDiagnosis, Missing> {
    let found = read_json(&folder.join(DIAGNOSIS_FILE));
    let found = found.map_err(|error| Missing(format!("{DIAGNOSIS_FILE} cannot be read: {error}.")))?;
    found.ok_or_else(|| Missing(format!("The run has no diagnosis: `larder eval {}` makes it.", record.run)))
}

/// Returns the score by number of training rows, if measured.
fn learning_curve(diagnosis: &RunDiagnosis) -> Option<Plot> {
    let points = &diagnosis.learning_curve;
    let metric = points.first()?.metric.clone();
    Some(Plot {
        title: format!("{metric} on held-out rows of train, by the rows fitted on"),
        x: "rows".to_owned(),
        lines: vec![Line {
            name: metric,
            points: points.iter().map(|point| (point.rows as f64, point.score)).collect(),
            marked: true,
        }],
        ..Plot::default()
    })
}

/// Returns the remarks beside the scores, including those about files that have changed since.
fn remarks(record: &RunRecord, evaluation: Option<&Evaluation>) -> Vec<String> {
    let Some(evaluation) = evaluation else { return Vec::new() };
    let mut remarks = evaluation.remarks();
    // Without the dataset's description, changes are unknown.
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

fn scores(
    record: &RunRecord,
    evaluation: &Evaluation,
    answers: &Result<SavedAnswers, Missing>,
    cache: &Cache<'_>,
) -> Scores {
    let rules = tasks::of(record.task());
    let split = |(at, split): (usize, String)| {
        let texts = |example_ids: &[String]| cache.texts_of(&split, example_ids);
        let page = SplitPage { record, evaluation, at, answers: answers.as_ref(), texts: &texts };
        let (overview, mut blocks) = (rules.overview_row(evaluation, at), rules.split_page(&page));
        let coverage = evaluation.scores().splits().get(at).and_then(|one| one.coverage());
        blocks.extend(coverage.into_iter().flat_map(|coverage| coverage_page(coverage, &record.display)));
        SplitScores { overview, blocks, split: split.clone() }
    };
    Scores {
        header: rules.facts().overview_header,
        splits: evaluation.split_names().into_iter().enumerate().map(split).collect(),
    }
}
