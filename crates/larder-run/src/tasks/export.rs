//! What a task makes of a run for other tools: its scores and how to use it in words, and the check of the exported file.

use larder_data::{Content, DatasetSpec, ExampleReader, Target, split_has_targets};
use larder_intake::Encoder;
use larder_tokens::Tokenizer;
use serde_json::{Map, Value};

use crate::tasks::Evaluation;
use crate::{Head, Larder, RunError, RunRecord};

/// Characters of a text that a message shows.
const EXCERPT: usize = 80;

/// Rows that check a file.
#[derive(Debug)]
pub struct CheckRows {
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

    /// Rows.
    #[allow(clippy::len_without_is_empty, reason = "a split without rows is an error")]
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
#[derive(Debug, Default)]
pub struct Distance {
    /// The largest difference of a probability, and its row.
    pub largest: Option<(f64, usize)>,
    /// Answers that are others.
    pub differing: usize,
    /// Answers.
    pub answers: usize,
}

impl Distance {
    /// Takes one answer of `row`.
    pub(super) fn add(&mut self, row: usize, difference: f64, same: bool) {
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
#[derive(Debug)]
pub struct Checked {
    /// How far the first file is from the run.
    pub distance: Distance,
    /// Rows that no file read.
    pub too_long: usize,
    /// The scores of each file; empty where they are not wanted.
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

/// Takes a batch of one file: the file's place, the rows' places, the padded length, and the outputs, float32
/// `[batch, width]` or `[batch, seq, width]` each.
pub type TakeBatch<'a> = dyn FnMut(usize, &[usize], usize, &[Vec<f32>]) + 'a;

/// Exported files at work.
pub trait ExportedFiles {
    /// How many there are: the export first, the float32 file behind it if it is another.
    fn count(&self) -> usize;

    /// Runs all rows through each file, and hands the named outputs of each batch to `take`.
    ///
    /// # Errors
    /// [`RunError::Runtime`]; [`RunError::ExportedOutput`] for an output of another shape than `width` allows.
    fn run(
        &mut self,
        rows: &[ExportRow<'_>],
        outputs: &[&str],
        width: usize,
        take: &mut TakeBatch<'_>,
    ) -> Result<(), RunError>;
}

/// A run that is exported.
#[derive(Clone, Copy)]
pub struct ExportedRun<'a> {
    /// Where its runtime is.
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

/// What a task makes of a run for other tools.
pub trait TaskExport {
    /// Tokens that are read at once, special ones included.
    fn max_tokens(&self, run: &ExportedRun<'_>) -> usize;

    /// Adds what a reader of the file must know to the part of `config.json` under `larder`.
    fn describe(&self, run: &ExportedRun<'_>, fields: &mut Map<String, Value>);

    /// What such a model does, in a clause.
    fn purpose(&self, is_pair: bool) -> &'static str;

    /// The scores as a table of Markdown.
    fn score_table(&self, evaluation: &Evaluation) -> String;

    /// What an output of the graph holds.
    fn output(&self, run: &ExportedRun<'_>, output: &str) -> String;

    /// How answers are read from the outputs, in paragraphs, where that takes more than the prediction.
    fn reading(&self, _run: &ExportedRun<'_>) -> String {
        String::new()
    }

    /// The Python that answers, without an example. `unk_token` stands for words that the vocabulary cannot spell.
    fn snippet(&self, run: &ExportedRun<'_>, unk_token: Option<&str>) -> String;

    /// An example of its use; of one text where texts may not share a batch.
    fn example(&self, is_pair: bool, shares_batches: bool) -> &'static str;

    /// Answers `rows` with the run and with each of `files`.
    ///
    /// # Errors
    /// What tokenizing, encoding and running meet.
    fn check(
        &self,
        run: &ExportedRun<'_>,
        rows: &CheckRows,
        tokenizer: &Tokenizer,
        files: &mut dyn ExportedFiles,
    ) -> Result<Checked, RunError>;
}
