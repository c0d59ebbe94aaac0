//! A task's part of an export: model card, usage, and the check of the exported file.

use larder_data::{Content, DatasetSpec, ExampleReader, Target, split_has_targets};
use larder_intake::Encoder;
use larder_tokens::Tokenizer;
use serde_json::{Map, Value};

use crate::tasks::Evaluation;
use crate::{Head, Larder, RunError, RunRecord};

/// Characters of a text that a message shows.
const EXCERPT: usize = 80;

/// Rows that check an exported file.
#[derive(Debug)]
pub struct CheckRows {
    /// The split they are from.
    pub split: String,
    /// The inputs.
    pub contents: Vec<Content>,
    /// The right answers, if the dataset has them.
    pub targets: Vec<Option<Target>>,
}

impl CheckRows {
    /// Reads the first `limit` rows of `split`; by default the first split that the run was not trained on, if there is one.
    ///
    /// # Errors
    /// [`RunError::Data`] for rows that cannot be read.
    pub fn read(
        record: &RunRecord,
        spec: &DatasetSpec,
        split: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Self, RunError> {
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

    /// Returns the number of rows.
    #[allow(clippy::len_without_is_empty, reason = "a split without rows is an error")]
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// Returns the beginning of a row's text.
    pub fn excerpt(&self, row: usize) -> Option<String> {
        let text = match self.contents.get(row)? {
            Content::Text { text, .. } => text.clone(),
            Content::Words(words) => words.join(" "),
        };
        Some(text.chars().take(EXCERPT).collect())
    }
}

/// The difference between two lists of answers.
#[derive(Debug, Default)]
pub struct Distance {
    /// The largest difference, and its row.
    pub largest: Option<(f64, usize)>,
    /// Answers that differ; `None` where answers are numbers.
    pub differing: Option<usize>,
    /// Number of answers.
    pub answers: usize,
}

impl Distance {
    /// Adds one answer of `row`.
    pub(super) fn add(&mut self, row: usize, difference: f64, same: bool) {
        *self.differing.get_or_insert(0) += usize::from(!same);
        self.add_number(row, difference);
    }

    /// Adds the difference of a number.
    pub(super) fn add_number(&mut self, row: usize, difference: f64) {
        self.answers += 1;
        // NaN counts as the largest difference.
        let difference = if difference.is_nan() { f64::INFINITY } else { difference.abs() };
        if self.largest.is_none_or(|(largest, _)| difference > largest) {
            self.largest = Some((difference, row));
        }
    }
}

/// The check of exported files.
#[derive(Debug)]
pub struct ExportCheck {
    /// The difference between the first file and the run.
    pub distance: Distance,
    /// The differences in words: `of a probability`.
    pub difference_of: &'static str,
    /// Rows too long for the files.
    pub too_long: usize,
    /// The scores of each file, by name; empty if not needed.
    pub scores: Vec<Vec<(String, f64)>>,
}

/// One tokenized text, special tokens included.
#[derive(Debug, Clone, Copy)]
pub struct ExportRow<'a> {
    /// `[tokens]`
    pub input_ids: &'a [i32],
    /// `[tokens]`, or empty where all are 0.
    pub type_ids: &'a [i32],
}

/// Receives a batch of one file: the file's index, the row indices, the padded length, and the outputs, float32
/// `[batch, width]` or `[batch, seq, width]` each.
pub type TakeBatch<'a> = dyn FnMut(usize, &[usize], usize, &[Vec<f32>]) + 'a;

/// Exported files, ready to run.
pub trait ExportedFiles {
    /// Returns the number of files: the export, and the float32 file if that is another.
    fn count(&self) -> usize;

    /// Runs all texts through each file, and passes the named outputs of each batch to `take`. Where each text of a pair is
    /// read by itself, two adjacent texts are a row.
    ///
    /// # Errors
    /// [`RunError::Runtime`]; [`RunError::ExportedOutput`] for an output whose shape does not fit `width`.
    fn run(
        &mut self,
        texts: &[ExportRow<'_>],
        outputs: &[&str],
        width: usize,
        take: &mut TakeBatch<'_>,
    ) -> Result<(), RunError>;
}

/// A run to export.
#[derive(Clone, Copy)]
pub struct ExportedRun<'a> {
    /// Its home and runtime.
    pub larder: &'a Larder,
    /// The run.
    pub record: &'a RunRecord,
    /// Its encoder.
    pub encoder: &'a Encoder,
    /// Its head.
    pub head: &'a Head,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// A task's part of an export.
pub trait TaskExport {
    /// Returns the longest input of the exported model, special tokens included.
    fn max_tokens(&self, run: &ExportedRun<'_>) -> usize;

    /// Adds the task's fields to the `larder` object of `config.json`.
    fn describe(&self, run: &ExportedRun<'_>, fields: &mut Map<String, Value>);

    /// Returns the model's purpose, in a clause.
    fn purpose(&self, is_pair: bool) -> &'static str;

    /// Returns the scores as a Markdown table.
    fn score_table(&self, evaluation: &Evaluation) -> String;

    /// Returns a description of an output of the graph.
    fn output(&self, run: &ExportedRun<'_>, output: &str) -> String;

    /// Returns paragraphs on reading answers from the outputs, if the prediction is not enough.
    fn reading(&self, _run: &ExportedRun<'_>) -> String {
        String::new()
    }

    /// Returns the Python code that answers, without an example. `unk_token` stands for words that the vocabulary cannot spell.
    fn snippet(&self, run: &ExportedRun<'_>, unk_token: Option<&str>) -> String;

    /// Returns an example call; with one text if texts may not share a batch.
    fn example(&self, is_pair: bool, shares_batches: bool) -> &'static str;

    /// Answers `rows` with the run and with each file.
    ///
    /// # Errors
    /// Any error of tokenizing, encoding and running.
    fn check(
        &self,
        run: &ExportedRun<'_>,
        rows: &CheckRows,
        tokenizer: &Tokenizer,
        files: &mut dyn ExportedFiles,
    ) -> Result<ExportCheck, RunError>;
}
