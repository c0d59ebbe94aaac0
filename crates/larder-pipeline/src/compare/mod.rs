//! Which of several is better, and whether the rows show it.

mod difference;
mod encoders;
mod meter;
mod runs;

use larder_data::Task;
use larder_metrics::{Interval, Metric};
use serde::Serialize;

pub use difference::Difference;
pub use encoders::{ComparedEncoder, Contender, EncoderComparison, RefusedEncoder, compare_encoders};
pub use meter::Encoding;
pub use runs::{ComparedRun, RunComparison, compare_runs};

use crate::evaluate::{Evaluation, SplitAnswers};
use crate::{HeadRecord, PipelineError, RunRecord};

use difference::differences;

/// One split, judged for all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitComparison {
    /// The split.
    pub split: String,
    /// Rows judged: texts, or sentences of words.
    pub rows: usize,
    /// What they are compared by: `mcc`, `macro_f1`, `accuracy`; `strict_f1` of taggers.
    pub score: String,
    /// One entry each, in the order asked for.
    pub scores: Vec<SubjectScore>,
    /// The one with the highest score; of equals the first.
    pub best: String,
    /// The best against each other, in the order asked for.
    pub differences: Vec<Difference>,
}

/// What one of them scored on a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubjectScore {
    /// The encoder, or the run.
    pub name: String,
    /// The score.
    pub value: f64,
    /// Its bootstrap interval over rows.
    pub interval: Interval,
}

impl SplitComparison {
    /// The score's name for people.
    pub fn score_name(&self) -> &str {
        for_people(&self.score)
    }
}

/// A score's name for people.
fn for_people(score: &str) -> &str {
    match score.parse::<Metric>() {
        Ok(Metric::Mcc) => "MCC",
        Ok(Metric::MacroF1) => "macro F1",
        Ok(Metric::Accuracy) => "accuracy",
        Err(_) => "strict F1",
    }
}

/// One of those compared: a run, by the name that it has here.
struct Subject<'a> {
    name: &'a str,
    record: &'a RunRecord,
    evaluation: &'a Evaluation,
    answers: &'a [SplitAnswers],
}

/// The score that runs of this task are compared by: the one that their heads were chosen by; MCC where they differ.
fn common_metric<'a>(records: impl Iterator<Item = &'a RunRecord>) -> Metric {
    let mut metrics = records.filter_map(|record| match &record.head {
        HeadRecord::Sequence(head) => Some(head.settings.metric),
        HeadRecord::Mlp(head) => Some(head.settings.metric),
        HeadRecord::Tuned(tuned) => Metric::ALL.iter().copied().find(|metric| metric.as_str() == tuned.score),
        HeadRecord::Tagging(_) => None,
    });
    let first = metrics.next().unwrap_or_default();
    if metrics.all(|metric| metric == first) { first } else { Metric::default() }
}

/// Compares `subjects` on the splits that they were judged on.
fn compare(subjects: &[Subject<'_>], metric: Metric) -> Result<Vec<SplitComparison>, PipelineError> {
    let Some(first) = subjects.first() else { return Ok(Vec::new()) };
    let splits = |subject: &Subject<'_>| -> Vec<String> { subject.answers.iter().map(|a| a.split.clone()).collect() };
    if let Some(other) = subjects.iter().find(|subject| splits(subject) != splits(first)) {
        let (a, b) = (splits(first).join(", "), splits(other).join(", "));
        let why = format!("one is judged on {a}, the other on {b}; `--split` names those that both have");
        let (first, second) = (first.name.to_owned(), other.name.to_owned());
        return Err(PipelineError::NotComparable { first, second, why });
    }
    (0..first.answers.len()).map(|at| compare_split(subjects, at, metric)).collect()
}

fn compare_split(subjects: &[Subject<'_>], at: usize, metric: Metric) -> Result<SplitComparison, PipelineError> {
    let scores: Vec<SubjectScore> = subjects
        .iter()
        .map(|subject| {
            let (value, interval) = score(subject.evaluation, at, metric);
            SubjectScore { name: subject.name.to_owned(), value, interval }
        })
        .collect();
    let highest = scores.iter().map(|score| score.value).fold(f64::NEG_INFINITY, f64::max);
    let best = scores.iter().position(|score| score.value == highest).unwrap_or(0);
    let score = match subjects[best].record.task() {
        Task::Sequence => metric.to_string(),
        Task::Tagging => "strict_f1".to_owned(),
    };
    let answers = &subjects[best].answers[at];
    Ok(SplitComparison {
        split: answers.split.clone(),
        rows: answers.example_ids.len(),
        differences: differences(subjects, best, at, metric, &score)?,
        best: scores[best].name.clone(),
        score,
        scores,
    })
}

/// The score on split number `at`, with its interval.
fn score(evaluation: &Evaluation, at: usize, metric: Metric) -> (f64, Interval) {
    match evaluation {
        Evaluation::Sequence(evaluation) => {
            let split = &evaluation.splits[at];
            let value = match metric {
                Metric::Mcc => split.scores.mcc,
                Metric::MacroF1 => split.scores.macro_f1,
                Metric::Accuracy => split.scores.accuracy,
            };
            let interval = split.intervals.iter().find(|(known, _)| *known == metric);
            (value, interval.expect("an evaluation has the interval of every metric").1)
        }
        Evaluation::Tagging(evaluation) => {
            let scores = &evaluation.splits[at].scores;
            (scores.strict.micro.f1, scores.strict_f1_interval)
        }
    }
}
