//! Runs compared by the answers that they keep.

use larder_evaluate::{EvaluateError, NamedRun, SplitComparison, common_metric, compare};
use larder_run::{Evaluation, SplitAnswers, tasks};

use super::ReadRun;

/// Returns, of every data set that several of the runs are of, which run is the best on each split and whether the rows show it: a line for each
/// other run.
pub(super) fn comparisons(runs: &[ReadRun]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut done: Vec<(&str, larder_data::Task)> = Vec::new();
    for run in runs {
        let kind = |run: &ReadRun| run.record.task();
        let of = (run.record.dataset.as_str(), kind(run));
        if done.contains(&of) {
            continue;
        }
        done.push(of);
        let alike: Vec<&ReadRun> = runs.iter().filter(|run| (run.record.dataset.as_str(), kind(run)) == of).collect();
        if alike.len() < 2 {
            continue;
        }
        match compared(&alike) {
            Ok(splits) => lines.extend(splits.iter().flat_map(|split| &split.differences).map(ToString::to_string)),
            Err(error) => lines.push(format!("The runs on {} are not compared: {error}", run.record.dataset)),
        }
    }
    lines
}

/// Compares runs of one data set on the splits whose answers all of them keep.
fn compared(runs: &[&ReadRun]) -> Result<Vec<SplitComparison>, EvaluateError> {
    let splits: Vec<(&Evaluation, Vec<SplitAnswers>)> =
        runs.iter().filter_map(|run| Some((run.evaluation.as_ref().ok()?, kept(run)))).collect();
    let Some((_, first)) = splits.first().filter(|_| splits.len() == runs.len()) else { return Ok(Vec::new()) };
    let has = |answers: &[SplitAnswers], split: &str| answers.iter().any(|answers| answers.split == split);
    let common: Vec<String> = first
        .iter()
        .map(|answers| answers.split.clone())
        .filter(|split| splits.iter().all(|(_, answers)| has(answers, split)))
        .collect();
    // Scores and answers stand in the same order: a run that lacks one of the splits takes no part.
    let are_all = |(evaluation, _): &&(&Evaluation, Vec<SplitAnswers>)| evaluation.split_names() == common;
    if splits.iter().filter(are_all).count() < runs.len() {
        return Ok(Vec::new());
    }
    let named: Vec<NamedRun<'_>> = runs
        .iter()
        .zip(&splits)
        .map(|(run, (evaluation, answers))| NamedRun {
            name: &run.record.run,
            record: &run.record,
            evaluation,
            answers,
        })
        .collect();
    compare(&named, common_metric(runs.iter().map(|run| &run.record)))
}

/// Returns the answers that a run keeps, of each split that was scored.
fn kept(run: &ReadRun) -> Vec<SplitAnswers> {
    let (Ok(evaluation), Ok(saved)) = (&run.evaluation, &run.answers) else { return Vec::new() };
    let page = tasks::of(run.record.task());
    let judged = evaluation.judged();
    let of_split = |split: String| {
        let (example_ids, rows) = page.answered_rows(saved, &split)?;
        let data_digest = judged.iter().find(|(name, _)| *name == split).map(|(_, digest)| digest.clone())?;
        Some(SplitAnswers { split, data_digest, example_ids, rows })
    };
    evaluation.split_names().into_iter().filter_map(of_split).collect()
}
