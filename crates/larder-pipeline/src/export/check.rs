//! The exported file's answers beside the run's, on rows of the run's dataset.

use std::path::Path;

use larder_data::{Content, DatasetSpec, ExampleReader, Target, Task, split_has_targets};
use larder_export::{CheckReport, Cost, Score};
use larder_files::FileError;
use larder_tokens::Tokenizer;

use super::batches::Timed;
use super::{Subject, Written, sequence, tagging};
use crate::{PipelineError, RunRecord};

/// Characters of a text that a message shows.
const EXCERPT: usize = 80;

/// Rows that check a file.
pub(super) struct CheckRows {
    /// The split they are from.
    pub split: String,
    /// What is read.
    pub contents: Vec<Content>,
    /// What is right, where the dataset says so.
    pub targets: Vec<Option<Target>>,
}

impl CheckRows {
    /// The first `limit` rows of `split`, or of the first split that the run was not trained on; of the one it was trained on
    /// if there is no other.
    pub fn read(
        record: &RunRecord,
        spec: &DatasetSpec,
        split: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Self, PipelineError> {
        let other = spec.split_names().find(|name| *name != record.train_split).unwrap_or(&record.train_split);
        let split = split.unwrap_or(other).to_owned();
        let settings = &record.settings;
        let reader = match split_has_targets(spec, &split)? {
            true => ExampleReader::open(spec, &split, settings.on_bad_row)?,
            false => ExampleReader::open_without_targets(spec, &split, settings.on_bad_row)?,
        };
        let reader =
            reader.on_illegal_tags(settings.on_illegal_tags).with_limit(limit.map_or(u64::MAX, |limit| limit as u64));
        let (mut contents, mut targets) = (Vec::new(), Vec::new());
        for example in reader {
            let example = example?;
            contents.push(example.content);
            targets.push(example.target);
        }
        Ok(Self { split, contents, targets })
    }

    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// The beginning of a row's text.
    pub fn excerpt(&self, row: usize) -> Option<String> {
        let text = match self.contents.get(row)? {
            Content::Text { text, .. } => text.clone(),
            Content::Words(words) => words.join(" "),
        };
        Some(text.chars().take(EXCERPT).collect())
    }
}

/// How far two lists of answers are apart.
#[derive(Default)]
pub(super) struct Distance {
    /// The largest difference of a probability, and its row.
    largest: Option<(f64, usize)>,
    /// Answers that are others.
    differing: usize,
    /// Answers.
    answers: usize,
}

impl Distance {
    /// Takes one answer of `row`.
    pub fn add(&mut self, row: usize, difference: f64, same: bool) {
        self.answers += 1;
        self.differing += usize::from(!same);
        // What is no number is as far as can be.
        let difference = if difference.is_nan() { f64::INFINITY } else { difference.abs() };
        if self.largest.is_none_or(|(largest, _)| difference > largest) {
            self.largest = Some((difference, row));
        }
    }
}

/// What was answered with each file, and how far the first one is from the run.
pub(super) struct Checked {
    pub distance: Distance,
    /// Rows that no file read.
    pub too_long: usize,
    /// The scores of each file; empty where they are not wanted.
    pub scores: Vec<Vec<(String, f64)>>,
}

/// Answers `rows` with the run and with each of `files`, the export first, the float32 file behind it if it is another.
pub(super) fn check(
    subject: &Subject<'_>,
    rows: &CheckRows,
    tokenizer: &Path,
    files: &[Written],
) -> Result<CheckReport, PipelineError> {
    let tokenizer = Tokenizer::load(tokenizer)?;
    let mut timed = files.iter().map(|file| Timed::open(subject, file)).collect::<Result<Vec<_>, _>>()?;
    let checked = match subject.record.task() {
        Task::Sequence => sequence::check(subject, rows, &tokenizer, &mut timed)?,
        Task::Tagging => tagging::check(subject, rows, &tokenizer, &mut timed)?,
    };
    let score = |place: usize| -> Result<Score, PipelineError> {
        let path = &files[place].path;
        let bytes = std::fs::metadata(path).map_err(FileError::io("read", path))?.len();
        Ok(Score {
            bytes,
            seconds: timed[place].seconds,
            scores: checked.scores.get(place).cloned().unwrap_or_default(),
        })
    };
    let cost = match files.len() {
        2 => Some(Cost { float32: score(1)?, this: score(0)? }),
        _ => None,
    };
    Ok(CheckReport {
        split: rows.split.clone(),
        rows: rows.len(),
        answers: checked.distance.answers,
        too_long: checked.too_long,
        largest_difference: checked.distance.largest.map_or(0.0, |(largest, _)| largest),
        largest_at: checked.distance.largest.map(|(_, row)| row),
        differing_answers: checked.distance.differing,
        cost,
    })
}
