//! Comparison of runs: the best one, and whether the rows show it.

use larder_metrics::{Interval, Metric};
use larder_run::{RunRecord, tasks};
use serde::Serialize;

use crate::EvaluateError;
use crate::difference::{Difference, differences};
use crate::named_run::{NamedRun, display_name};

/// The comparison on one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitComparison {
    /// The split.
    pub split: String,
    /// Rows evaluated: texts, or sentences of words.
    pub rows: usize,
    /// The score compared: `mcc`, `macro_f1`, `accuracy`; `strict_f1` for taggers.
    pub score: String,
    /// One entry per run, in the order asked for.
    pub scores: Vec<RunScore>,
    /// The run with the highest score; the first one if several are equal.
    pub best: String,
    /// The best compared with each other run, in the order asked for.
    pub differences: Vec<Difference>,
}

/// The score of one run on a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunScore {
    /// The name of encoder or run.
    pub name: String,
    /// The score.
    pub value: f64,
    /// Its bootstrap interval over rows.
    pub interval: Interval,
}

impl SplitComparison {
    /// Returns the score's display name.
    pub fn score_name(&self) -> String {
        display_name(&self.score)
    }
}

/// Returns the metric that compares runs: the one that chose all their heads, or MCC if these differ.
pub fn common_metric<'a>(records: impl Iterator<Item = &'a RunRecord>) -> Metric {
    let mut metrics = records.filter_map(|record| record.head.details().outline().metric);
    let first = metrics.next().unwrap_or_default();
    if metrics.all(|metric| metric == first) { first } else { Metric::default() }
}

/// Compares `runs` on the splits that they were evaluated on.
///
/// # Errors
/// [`EvaluateError::NotComparable`] for runs that were evaluated on other splits or rows.
pub fn compare(runs: &[NamedRun<'_>], metric: Metric) -> Result<Vec<SplitComparison>, EvaluateError> {
    let Some(first) = runs.first() else { return Ok(Vec::new()) };
    let splits = |run: &NamedRun<'_>| -> Vec<String> { run.answers.iter().map(|a| a.split.clone()).collect() };
    if let Some(other) = runs.iter().find(|run| splits(run) != splits(first)) {
        let (a, b) = (splits(first).join(", "), splits(other).join(", "));
        let why = format!("one is judged on {a}, the other on {b}; `--split` names those that both have");
        let (first, second) = (first.name.to_owned(), other.name.to_owned());
        return Err(EvaluateError::NotComparable { first, second, why });
    }
    (0..first.answers.len()).map(|at| compare_split(runs, at, metric)).collect()
}

fn compare_split(runs: &[NamedRun<'_>], at: usize, metric: Metric) -> Result<SplitComparison, EvaluateError> {
    let scores: Vec<RunScore> = runs
        .iter()
        .map(|run| {
            let (value, interval) = run.evaluation.scores().splits()[at].score(metric);
            RunScore { name: run.name.to_owned(), value, interval }
        })
        .collect();
    let highest = scores.iter().map(|score| score.value).fold(f64::NEG_INFINITY, f64::max);
    let best = scores.iter().position(|score| score.value == highest).unwrap_or(0);
    let score = tasks::of(runs[best].record.task()).score_name(metric);
    let answers = &runs[best].answers[at];
    Ok(SplitComparison {
        split: answers.split.clone(),
        rows: answers.example_ids.len(),
        differences: differences(runs, best, at, metric, score)?,
        best: scores[best].name.clone(),
        score: score.to_owned(),
        scores,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_names_for_people() {
        let names = ["mcc", "macro_f1", "accuracy", "strict_f1"].map(display_name);
        assert_eq!(names, ["MCC", "macro F1", "accuracy", "strict F1"]);
    }
}
