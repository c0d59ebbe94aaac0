//! A run's scores: `metrics.json`. Each task has scores of its own, one set per split.

mod remarks;
mod source;

use std::path::{Path, PathBuf};
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_diagnose::Diagnosis;
use larder_files::{Provenance, read_json_text, write_json};
use larder_metrics::{Bootstrap, Interval, Metric, MetricsError, SplitCoverage};
use serde::{Deserialize, Serialize};

pub use source::{SplitSource, data_digest, is_current};

use crate::coverage::RunSets;
use crate::page::Missing;
use crate::{AnsweredRows, Evaluation, RunError, RunRecord, Stage, StageTime, TextBlock, TextTable};

/// A run's scores, in its folder.
pub const METRICS_FILE: &str = "metrics.json";

/// A split without labels: answered, and not scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnscoredSplit {
    /// The split.
    pub split: String,
    /// Its rows; of tagging its sentences.
    pub rows: u64,
    /// Rows that could not be used and were left out.
    pub skipped_rows: u64,
    /// BLAKE3 of the file's bytes, 64 hexadecimal digits.
    pub data_digest: String,
}

/// Facts that the scores of every split have.
#[derive(Debug)]
pub struct SplitOutline<'a> {
    /// The split.
    pub split: &'a str,
    /// BLAKE3 of the split's file, 64 hexadecimal digits; empty in files of earlier versions.
    pub data_digest: &'a str,
    /// Rows (tagging: sentences) that were scored.
    pub rows: u64,
    /// Rows of the split's file that could not be used and were left out: no score is about them.
    pub skipped_rows: u64,
    /// The findings about the split when it was judged.
    pub advice: &'a [Diagnosis],
}

/// The scores of a split in a table of several runs.
#[derive(Debug)]
pub struct ComparedScores {
    /// Names for people, the scores, and those of the baseline.
    pub scores: Vec<(&'static str, f64, f64)>,
    /// The baseline's name.
    pub baseline: &'static str,
    /// The verdict on a comparison with a baseline, and the name of that: `majority`, `above`.
    pub against: Option<(&'static str, String)>,
}

/// The scores of one split, whatever the task.
pub trait SplitScores {
    /// The facts that are the same for all tasks.
    fn outline(&self) -> SplitOutline<'_>;

    /// Sets the split's findings, without their rows.
    fn advise(&mut self, advice: Vec<Diagnosis>);

    /// Returns the score that runs are compared by (`metric` where the task has several) with its 95 % bootstrap interval.
    fn score(&self, metric: Metric) -> (f64, Interval);

    /// Returns the scores that a table of several runs shows, with their names.
    fn named_scores(&self) -> Vec<(&'static str, f64)>;

    /// Returns the same in a table of several runs, beside the baseline.
    fn compared(&self) -> ComparedScores;

    /// Returns the coverage of its sets, if it was measured.
    fn coverage(&self) -> Option<&SplitCoverage> {
        None
    }

    /// Returns a remark that belongs beside the scores.
    fn remark(&self) -> Option<String> {
        None
    }

    /// Returns the findings that the scores show.
    fn findings(&self, record: &RunRecord) -> Vec<Diagnosis>;
}

/// The scores of a run, whatever the task.
pub trait TaskScores {
    /// Returns the scored splits, in the order they were judged.
    fn splits(&self) -> Vec<&dyn SplitScores>;

    /// Returns the same, mutable.
    fn splits_mut(&mut self) -> Vec<&mut dyn SplitScores>;

    /// Returns the splits without labels.
    fn unscored(&self) -> &[UnscoredSplit];

    /// Keeps the splits for which `keep`, called with name and data digest, returns true.
    fn retain(&mut self, keep: &dyn Fn(&str, &str) -> bool);

    /// Returns all splits with their baseline, one line each.
    fn summary(&self) -> TextTable;

    /// Returns every split in full, one list each.
    fn details(&self) -> Vec<Vec<TextBlock>>;
}

/// The answers on one split, for comparing two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitAnswers {
    /// The split.
    pub split: String,
    /// BLAKE3 of the split's file, 64 hexadecimal digits.
    pub data_digest: String,
    /// The example id of each row, in the order of the file.
    pub example_ids: Vec<String>,
    /// Gold and answers.
    pub rows: AnsweredRows,
}

/// Two sets of answers to the same rows.
pub trait PairedAnswers {
    /// Returns the score of the first minus that of the second, and its bootstrap interval over rows (tagging: sentences).
    ///
    /// # Errors
    /// [`MetricsError`] for a bootstrap that cannot be drawn.
    fn difference(&self, metric: Metric, bootstrap: &Bootstrap) -> Result<(f64, Interval), MetricsError>;
}

/// The inputs of an evaluation and the folder of its results.
#[derive(Clone, Copy)]
pub struct EvaluationContext<'a> {
    /// The run.
    pub record: &'a RunRecord,
    /// The features file of each split.
    pub features: &'a [(String, PathBuf)],
    /// The data file of each of them.
    pub sources: &'a [SplitSource],
    /// Splits whose answers are kept in `predictions.parquet`.
    pub keep: &'a [String],
    /// The run's folder.
    pub folder: &'a Path,
    /// The provenance of the answers.
    pub provenance: &'a Provenance,
    /// The sets to measure, if coverage was asked for.
    pub sets: Option<&'a RunSets>,
}

/// Times the scoring of each split.
#[derive(Debug)]
pub struct StageTimer {
    /// One entry a split.
    pub times: Vec<StageTime>,
    started: Instant,
}

impl Default for StageTimer {
    fn default() -> Self {
        Self { times: Vec::new(), started: Instant::now() }
    }
}

impl StageTimer {
    pub(crate) fn start(&mut self) {
        self.started = Instant::now();
    }

    pub(crate) fn stop(&mut self, split: &str, rows: usize) {
        self.times.push(StageTime {
            stage: Stage::Eval,
            split: split.to_owned(),
            seconds: self.started.elapsed().as_secs_f64(),
            rows: rows as u64,
            fresh: false,
            device: None,
        });
    }
}

impl Evaluation {
    /// Reads the scores in a run's folder; `None` where it was not evaluated, or by an earlier version.
    pub fn load(folder: &Path, record: &RunRecord) -> Option<Self> {
        let text = read_json_text(&folder.join(METRICS_FILE)).ok()??;
        Self::parse(record.task(), text.as_ref()).ok()
    }

    /// Reads the scores in a run's folder, or says why there are none.
    ///
    /// # Errors
    /// A sentence for the reader of a report.
    pub fn read(folder: &Path, record: &RunRecord) -> Result<Self, Missing> {
        let unreadable = |error: &dyn std::fmt::Display| {
            Missing(format!("metrics.json cannot be read: {error}; `larder eval {}` writes it anew.", record.run))
        };
        match read_json_text(&folder.join(METRICS_FILE)) {
            Ok(Some(text)) => Self::parse(record.task(), &text).map_err(|error| unreadable(&error)),
            Ok(None) => Err(Missing(format!("The run was not evaluated: `larder eval {}` does that.", record.run))),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Writes the scores into a run's folder.
    ///
    /// # Errors
    /// [`RunError::File`] when the disk refuses.
    pub fn save(&self, folder: &Path) -> Result<(), RunError> {
        Ok(write_json(&folder.join(METRICS_FILE), self)?)
    }

    /// Returns the names of the scored splits, in the order they were judged.
    pub fn split_names(&self) -> Vec<String> {
        self.scores().splits().iter().map(|one| one.outline().split.to_owned()).collect()
    }

    /// Returns every split that was answered, scored or not, with the digest of its file; empty in files of earlier versions.
    pub fn judged(&self) -> Vec<(String, String)> {
        let scores = self.scores();
        let scored = scores
            .splits()
            .into_iter()
            .map(|one| (one.outline().split.to_owned(), one.outline().data_digest.to_owned()));
        let unscored = scores.unscored().iter().map(|one| (one.split.clone(), one.data_digest.clone()));
        scored.chain(unscored).collect()
    }

    /// Keeps the splits for which `keep`, called with name and data digest, returns true.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&str, &str) -> bool) -> Self {
        self.scores_mut().retain(&keep);
        self
    }

    /// Gives each split its findings, without their rows, which are in the run's diagnosis.
    pub fn advise(&mut self, findings: &[Diagnosis]) {
        for one in self.scores_mut().splits_mut() {
            let of_split = findings.iter().filter(|finding| finding.is_about(one.outline().split));
            let advice = of_split.map(|finding| finding.clone().with_rows([])).collect();
            one.advise(advice);
        }
    }
}

/// Merges `now` with `earlier`, in the order of the dataset's splits.
pub(crate) fn merge<T: Clone>(earlier: Vec<T>, now: &[T], spec: &DatasetSpec, split: impl Fn(&T) -> &str) -> Vec<T> {
    let place = |one: &T| spec.split_names().position(|name| name == split(one)).unwrap_or(usize::MAX);
    let mut all: Vec<T> = earlier.into_iter().chain(now.iter().cloned()).collect();
    all.sort_by_key(place);
    all
}
