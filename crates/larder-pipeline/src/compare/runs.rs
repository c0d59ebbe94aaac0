//! Comparison of existing runs on the same splits.

use std::path::Path;

use larder_data::Task;
use larder_evaluate::{EvaluateError, NamedRun, SplitComparison, common_metric, compare};
use larder_run::{Evaluation, Larder, Observer, RunRecord, SplitAnswers};
use serde::Serialize;

use crate::PipelineError;
use crate::evaluate::{EvaluateOptions, evaluate_keeping};

/// Comparison of several runs on one dataset.
#[derive(Debug, Clone, Serialize)]
pub struct RunComparison {
    /// The dataset.
    pub dataset: String,
    /// Its task.
    pub task: Task,
    /// The runs, in the order asked for.
    pub runs: Vec<ComparedRun>,
    /// Scores side by side, one entry per split.
    pub splits: Vec<SplitComparison>,
    /// The best run on the first split; `None` if there is no split.
    pub best_run: Option<String>,
}

/// A compared run.
#[derive(Debug, Clone, Serialize)]
pub struct ComparedRun {
    /// The run.
    pub run: String,
    /// Its encoder.
    pub encoder: String,
    /// The kind of head.
    pub head: String,
    /// The hidden layers offered to it, as asked.
    pub layers: String,
    /// Its scores in full.
    pub evaluation: Evaluation,
}

/// Scores each run on splits of its dataset, or of the one described at `dataset`, and tests which differences are real.
/// Missing features are made with the settings of the run. A run named twice counts once.
///
/// # Errors
/// [`EvaluateError::NotComparable`] for runs of different datasets, tasks, labels or rows; otherwise as
/// [`evaluate`](crate::evaluate).
pub fn compare_runs(
    larder: &Larder,
    runs: &[String],
    dataset: Option<&Path>,
    options: &EvaluateOptions<'_>,
    observer: &mut dyn Observer,
) -> Result<RunComparison, PipelineError> {
    let mut records: Vec<RunRecord> = Vec::new();
    for run in runs {
        if records.iter().all(|known| known.run != *run) {
            records.push(RunRecord::open(larder, run)?);
        }
    }
    for other in records.iter().skip(1) {
        if let Some(why) = difference(&records[0], other) {
            let (first, second) = (records[0].run.clone(), other.run.clone());
            return Err(EvaluateError::NotComparable { first, second, why }.into());
        }
    }
    let mut judged: Vec<(Evaluation, Vec<SplitAnswers>)> = Vec::new();
    for record in &records {
        let mut answers = Vec::new();
        let kept = Some(&mut answers);
        let spec = record.dataset_spec(dataset)?;
        let outcome = evaluate_keeping(larder, record, &spec, options, kept, observer)?;
        judged.push((outcome.evaluation, answers));
    }
    let named_runs: Vec<NamedRun<'_>> = records
        .iter()
        .zip(&judged)
        .map(|(record, (evaluation, answers))| NamedRun { name: &record.run, record, evaluation, answers })
        .collect();
    let splits = compare(&named_runs, common_metric(records.iter()))?;
    let best_run = splits.first().map(|split| split.best.clone());
    // Without runs, the task does not matter.
    let task = records.first().map_or(Task::ALL[0], RunRecord::task);
    let dataset = records.first().map(|record| record.dataset.clone()).unwrap_or_default();
    let runs = records
        .into_iter()
        .zip(judged)
        .map(|(record, (evaluation, _))| ComparedRun {
            head: record.head.details().outline().kind,
            layers: record.settings.layers.to_string(),
            run: record.run,
            encoder: record.encoder,
            evaluation,
        })
        .collect();
    Ok(RunComparison { dataset, task, runs, splits, best_run })
}

/// Returns the difference that makes two runs incomparable.
fn difference(first: &RunRecord, second: &RunRecord) -> Option<String> {
    let unlike = |what: &str, a: &str, b: &str| Some(format!("one's {what} is {a}, the other's {b}"));
    if first.dataset != second.dataset {
        return unlike("dataset", &first.dataset, &second.dataset);
    }
    if first.task() != second.task() {
        return unlike("task", &first.task().to_string(), &second.task().to_string());
    }
    if first.labels != second.labels {
        return unlike("list of labels", &first.labels.join(", "), &second.labels.join(", "));
    }
    None
}
