//! The answers to every row of a file, in constant memory: a Parquet or JSON lines file in, the same with answers out.
//!
//! One thread reads the next rows, the encoder runs on the current ones, and one thread writes the last ones. Rows are
//! written in parts, from which a killed prediction goes on.

mod answers;
mod error;
mod lines;
mod table;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use larder_data::{Content, OnBadRow, Task};
use larder_runtime::{Device, RanOn};
use larder_store::{AtomicFile, Parts, Provenance, StoreError, digest_file, join_parquet, read_provenance};
use serde::Serialize;

use self::answers::{Added, AddedKind, Answerer, Answers};
pub use self::error::InputError;
use self::lines::Lines;
use self::table::Table;
use super::TextOrWords;
use crate::{Event, Larder, Observer, PipelineError, RunRecord, Stage};

/// Version of what is written.
const FORMAT_VERSION: u32 = 1;

/// Rows a part holds, which is what a killed prediction loses at most: seconds of work, and few enough to hold in memory.
const ROWS_PER_PART: usize = 16_384;

/// What to answer, and where to.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// A `.parquet` or `.jsonl` file.
    pub input: PathBuf,
    /// The file to make, of the same kind.
    pub output: PathBuf,
    /// The column of the text; `text` unless said.
    pub text: Option<String>,
    /// The column of the second text of a pair; `text_b` unless said.
    pub text_b: Option<String>,
    /// Tagging: the column of the words, where the file has words in place of texts.
    pub words: Option<String>,
    /// Put before the names of the columns that are added.
    pub prefix: String,
    /// What to do with a row without a text: it gets no answer and is counted, or everything stops.
    pub on_bad_row: OnBadRow,
    /// Whether a file that is there is replaced.
    pub force: bool,
    /// Where to run.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct FileOutcome {
    /// The file made.
    pub output: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Rows that a process which was killed had answered.
    pub resumed_rows: u64,
    /// Rows without a text, which have no answer.
    pub unanswered_rows: u64,
    /// Texts that were cut because they are longer than the run reads.
    pub truncated_rows: u64,
    /// The device that ran; `None` where nothing had to.
    pub device: Option<RanOn>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Whether the file was there already, made from the same.
    pub fresh: bool,
}

/// What a row asks to have answered; `None` for a row that cannot be.
type Asked = Option<Question>;

/// One row's text, or words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Question {
    Text { text: String, text_b: Option<String> },
    Words(Vec<String>),
}

impl Question {
    fn content(&self) -> Content {
        match self {
            Self::Text { text, text_b } => Content::Text { text: text.clone(), text_b: text_b.clone() },
            Self::Words(words) => Content::Words(words.clone()),
        }
    }

    fn text_or_words(&self) -> TextOrWords {
        match self {
            Self::Text { text, .. } => TextOrWords::Text(text.clone()),
            Self::Words(words) => TextOrWords::Words(words.clone()),
        }
    }
}

/// Some rows of a file, as they were read.
enum Rows {
    Table(arrow::record_batch::RecordBatch),
    Lines(Vec<serde_json::Map<String, serde_json::Value>>),
}

/// A part's rows with what they ask.
struct Block {
    rows: Rows,
    asked: Vec<Asked>,
}

/// A file that gives its rows in blocks.
trait Blocks: Send {
    /// The next rows, as many as make a part; `None` behind the last.
    fn next_block(&mut self) -> Result<Option<Block>, PipelineError>;
    /// Rows in all, where the file says so.
    fn total(&self) -> Option<u64>;
}

/// What keeps a text from being answered.
fn problem_of_text(column: &str, text: Option<&str>) -> Option<String> {
    match text {
        None => Some(format!("`{column}` is missing or null")),
        Some(text) if text.trim().is_empty() => Some(format!("`{column}` is blank")),
        Some(_) => None,
    }
}

/// The columns to read.
struct Wanted {
    tagging: bool,
    text: String,
    text_b: Option<String>,
    words: Option<String>,
    on_bad_row: OnBadRow,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parquet,
    Jsonl,
}

impl Kind {
    fn of(path: &Path) -> Result<Self, InputError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => Ok(Self::Parquet),
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            _ => Err(InputError::Kind { path: path.to_path_buf() }),
        }
    }
}

/// Answers every row of a file with a run, and writes the file again with the answers.
///
/// A classifier adds `prediction`, `probability` and `probabilities`, a tagger `words`, `tags` and `entities`.
///
/// # Errors
/// [`InputError`] for a file that cannot be read as rows with texts; [`PipelineError`]. Finished parts are kept.
pub fn predict_file(
    larder: &Larder,
    record: RunRecord,
    options: &FileOptions,
    observer: &mut dyn Observer,
) -> Result<FileOutcome, PipelineError> {
    let started = Instant::now();
    let FileOptions { input, output, .. } = options;
    let kind = Kind::of(input)?;
    if Kind::of(output)? != kind {
        return Err(InputError::Kinds { input: input.clone(), output: output.clone() }.into());
    }
    let wanted = wanted(&record, options);
    let added = |words_are_there: bool| Added {
        kind: match (record.task(), words_are_there) {
            (Task::Sequence, _) => AddedKind::Label,
            (Task::Tagging, false) => AddedKind::WordsAndTags,
            (Task::Tagging, true) => AddedKind::Tags,
        },
        prefix: options.prefix.clone(),
        labels: record.labels.clone(),
    };
    let (mut blocks, added): (Box<dyn Blocks>, Added) = match kind {
        Kind::Parquet => {
            let table = Table::open(input, wanted)?;
            let added = added(table.gives_words());
            table.check_free(&added.names())?;
            (Box::new(table), added)
        }
        Kind::Jsonl => {
            let added = added(wanted.words.is_some());
            (Box::new(Lines::open(input, wanted, added.names())?), added)
        }
    };
    let provenance = provenance(&record, options)?;
    let mut outcome = FileOutcome {
        output: output.clone(),
        rows: 0,
        resumed_rows: 0,
        unanswered_rows: 0,
        truncated_rows: 0,
        device: None,
        seconds: 0.0,
        fresh: false,
    };
    if output.exists() && !options.force {
        let is_same = kind == Kind::Parquet && read_provenance(output).ok().flatten().as_ref() == Some(&provenance);
        if !is_same {
            return Err(InputError::Exists { path: output.clone() }.into());
        }
        outcome.rows = blocks.total().unwrap_or(0);
        outcome.fresh = true;
        return Ok(outcome);
    }
    let parts = Parts::open(output, &provenance)?;
    let subject = input.display().to_string();
    observer.event(Event::Started { stage: Stage::Predict, subject: &subject, changes: &[] });
    let mut work = Work { larder, record: Some(record), options, answerer: None, kind, parts, outcome, count: 0 };
    let total = blocks.total();
    let answered = std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(1);
        scope.spawn(move || {
            while let Some(block) = blocks.next_block().transpose() {
                let is_end = block.is_err();
                if send.send(block).is_err() || is_end {
                    break;
                }
            }
        });
        let (give, take) = mpsc::sync_channel::<(Block, Vec<Option<Answers>>, PathBuf)>(1);
        let writer = scope.spawn(move || {
            take.into_iter().try_for_each(|(block, answers, path)| write(block, &answers, &added, &path))
        });
        let worked = work.all(&receive, &give, total, observer);
        drop((give, receive));
        let written = match writer.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // Where nothing could be written any more, that is why work ended.
        written.and(worked)
    });
    if let Err(error) = answered.and_then(|()| work.check_rows()) {
        work.parts.leave();
        return Err(error);
    }
    let mut outcome = work.finish(&provenance)?;
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

fn wanted(record: &RunRecord, options: &FileOptions) -> Wanted {
    let pair = record.is_pair();
    Wanted {
        tagging: record.task() == Task::Tagging,
        text: options.text.clone().unwrap_or_else(|| "text".to_owned()),
        text_b: pair.then(|| options.text_b.clone().unwrap_or_else(|| "text_b".to_owned())),
        words: options.words.clone().filter(|_| record.task() == Task::Tagging),
        on_bad_row: options.on_bad_row,
    }
}

/// What tells one prediction from another.
fn provenance(record: &RunRecord, options: &FileOptions) -> Result<Provenance, PipelineError> {
    let column = |name: &Option<String>| name.clone().unwrap_or_default();
    Ok(Provenance::new("predict", FORMAT_VERSION)
        .with("run", &record.run)
        .with("run.created", record.created_unix_seconds)
        .with("run.digest", record.provenance.digest())
        .with("encoder.digest", &record.encoder_digest)
        .with("labels", record.labels.join("\n"))
        .with("input.digest", digest_file(&options.input)?)
        .with("text", column(&options.text))
        .with("text_b", column(&options.text_b))
        .with("words", column(&options.words))
        .with("prefix", &options.prefix)
        .with("on_bad_row", options.on_bad_row))
}

/// A prediction under way.
struct Work<'a> {
    larder: &'a Larder,
    /// Until the run is opened, which is only when there is something to answer.
    record: Option<RunRecord>,
    options: &'a FileOptions,
    answerer: Option<Answerer>,
    kind: Kind,
    parts: Parts,
    outcome: FileOutcome,
    count: usize,
}

impl Work<'_> {
    fn all(
        &mut self,
        receive: &mpsc::Receiver<Result<Block, PipelineError>>,
        give: &mpsc::SyncSender<(Block, Vec<Option<Answers>>, PathBuf)>,
        total: Option<u64>,
        observer: &mut dyn Observer,
    ) -> Result<(), PipelineError> {
        for block in receive {
            let block = block?;
            let (rows, path) = (block.asked.len() as u64, self.parts.path(self.count));
            self.count += 1;
            self.outcome.unanswered_rows += block.asked.iter().filter(|asked| asked.is_none()).count() as u64;
            let before = self.outcome.rows;
            if path.exists() {
                self.outcome.resumed_rows += rows;
            } else {
                let answers = self.answer(&block.asked, &mut |done| {
                    observer.event(Event::Predicting { rows: before + done as u64, total });
                })?;
                if give.send((block, answers, path)).is_err() {
                    return Ok(());
                }
            }
            self.outcome.rows += rows;
            observer.event(Event::Predicting { rows: self.outcome.rows, total });
        }
        Ok(())
    }

    fn answer(
        &mut self,
        asked: &[Asked],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<Option<Answers>>, PipelineError> {
        if self.answerer.is_none()
            && let Some(record) = self.record.take()
        {
            self.answerer = Some(Answerer::open(self.larder, record, self.options.device, self.options.threads)?);
        }
        let Some(answerer) = &mut self.answerer else { return Ok(Vec::new()) };
        self.outcome.device = Some(answerer.ran_on().clone());
        let answers = answerer.answer(asked, progress)?;
        let cut = answers.iter().flatten().filter(|answers| answers.is_truncated());
        self.outcome.truncated_rows += cut.count() as u64;
        Ok(answers)
    }

    fn check_rows(&self) -> Result<(), PipelineError> {
        match self.count {
            0 => Err(InputError::Empty { path: self.options.input.clone() }.into()),
            _ => Ok(()),
        }
    }

    fn finish(self, provenance: &Provenance) -> Result<FileOutcome, PipelineError> {
        let kind = self.kind;
        self.parts.join(self.count, |parts, target| match kind {
            Kind::Parquet => join_parquet(parts, target, provenance),
            Kind::Jsonl => join_lines(parts, target),
        })?;
        Ok(self.outcome)
    }
}

fn write(block: Block, answers: &[Option<Answers>], added: &Added, path: &Path) -> Result<(), PipelineError> {
    match block.rows {
        Rows::Table(rows) => table::write(&rows, answers, added, path),
        Rows::Lines(rows) => lines::write(rows, answers, added, path),
    }
}

/// One file of all lines.
fn join_lines(parts: &[PathBuf], target: &Path) -> Result<(), StoreError> {
    let scratch = parts.first().and_then(|part| part.parent()).unwrap_or(Path::new("."));
    let mut file = AtomicFile::create_in(scratch, target)?;
    for part in parts {
        let failed = |source| StoreError::Io { action: "read", path: part.clone(), source };
        let mut lines = std::fs::File::open(part).map_err(failed)?;
        std::io::copy(&mut lines, &mut file).map_err(failed)?;
    }
    file.commit()
}
