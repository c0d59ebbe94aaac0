//! The runs of a home, in short.

use larder_data::Task;
use serde::Serialize;

use crate::{Evaluation, Larder, RunError, RunRecord, tasks};

/// A run's score on one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedScore {
    /// The split.
    pub split: String,
    /// The name of the score: the one that chose the head, or the task's own.
    pub score: &'static str,
    /// The score.
    pub value: f64,
    /// The lower end of its 95 % bootstrap interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A run in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedRun {
    /// Its name.
    pub run: String,
    /// The task.
    pub task: Task,
    /// The dataset's name.
    pub dataset: String,
    /// The encoder's name.
    pub encoder: String,
    /// The kind of head.
    pub head: String,
    /// The scores, in the order the splits were judged; none if it was not evaluated.
    pub scores: Vec<ListedScore>,
    /// Seconds since 1970 when it was made.
    pub created_unix_seconds: u64,
}

impl ListedRun {
    /// Reads the record and the scores of run `run`.
    ///
    /// # Errors
    /// As [`RunRecord::open`].
    pub fn open(larder: &Larder, run: &str) -> Result<Self, RunError> {
        let record = RunRecord::open(larder, run)?;
        let evaluation = Evaluation::load(&record.folder(larder)?, &record);
        let outline = record.head.details().outline();
        let metric = outline.metric.unwrap_or_default();
        let name = tasks::of(outline.task).score_name(metric);
        let scores = evaluation.iter().flat_map(|evaluation| {
            let scores = evaluation.scores();
            let listed = scores.splits().into_iter().map(|one| {
                let (value, interval) = one.score(metric);
                let (low, high) = (interval.low, interval.high);
                ListedScore { split: one.outline().split.to_owned(), score: name, value, low, high }
            });
            listed.collect::<Vec<_>>()
        });
        Ok(Self {
            run: run.to_owned(),
            task: outline.task,
            dataset: record.dataset.clone(),
            encoder: record.encoder.clone(),
            head: outline.kind.clone(),
            scores: scores.collect(),
            created_unix_seconds: record.created_unix_seconds,
        })
    }

    /// All runs by name; one that cannot be read has its error in its place.
    pub fn all(larder: &Larder) -> Vec<(String, Result<Self, RunError>)> {
        RunRecord::names(larder).into_iter().map(|name| (name.clone(), Self::open(larder, &name))).collect()
    }
}
