//! FilePrediction for every row of a file, in constant memory: the file is written again, in its own format, with the answers.
//!
//! One thread reads the next rows while the encoder runs on the current ones and another thread writes the last ones. Rows are
//! written in parts, from which a killed prediction resumes.

mod blocks;
mod distinct;
mod parquet_rows;
mod text_rows;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use arrow::array::ArrayRef;
use larder_data::{Content, Format, InputFormat, Layout, OnBadRow, Task};
use larder_encode::{Context, LongTexts};
use larder_files::{AtomicFile, FileError, Parts, Provenance, digest_file, remove_left_beside};
use larder_metrics::CoverageRequest;
use larder_run::tasks::{self, Answer};
use larder_run::{AnswerColumns, Event, Larder, Observer, Predictor, RunRecord, RunSets, Stage};
use larder_runtime::{Device, RanOn};
use larder_store::{join_parquet, read_provenance};
use serde::Serialize;
use serde_json::Value;

use self::blocks::{Block, Blocks, part_tokens};
use crate::{Input, InputError, InputFlags, InputOrigin, PredictError};

/// Version of the output.
const FORMAT_VERSION: u32 = 2;

/// Options of predicting a file.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// The file, of any format with rows.
    pub input: PathBuf,
    /// Flags on reading it, where it differs from the run's own files.
    pub flags: InputFlags,
    /// The output file, of the same format.
    pub output: PathBuf,
    /// Prefix of the added columns' names.
    pub prefix: String,
    /// The handling of rows that cannot be answered: they are counted without an answer, or end the prediction.
    pub on_bad_row: OnBadRow,
    /// Sets with this coverage are added.
    pub coverage: Option<CoverageRequest>,
    /// Replace an existing output.
    pub force: bool,
    /// The device that runs.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// The result of predicting a file.
#[derive(Debug, Clone, Serialize)]
pub struct FileOutcome {
    /// The output file.
    pub output: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Rows answered by an earlier process that was killed.
    pub resumed_rows: u64,
    /// Rows without a text, which have no answer.
    pub unanswered_rows: u64,
    /// Texts truncated to the run's maximum.
    pub truncated_rows: u64,
    /// The device used; `None` if there was nothing to run.
    pub device: Option<RanOn>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// True if the output existed already, made from the same input.
    pub fresh: bool,
}

/// Answers every row of a file with a run, and writes the file again with the answers.
///
/// A classifier adds `prediction`, `probability` and `probabilities`, a tagger `words`, `tags` and `entities`; in a CoNLL
/// file it adds a column with the predicted tags, in the scheme of the run's own files.
///
/// # Errors
/// [`InputError`] for a file that cannot be read as rows with texts; [`PredictError`]. Finished parts are kept.
pub fn predict_file(
    larder: &Larder,
    record: RunRecord,
    options: &FileOptions,
    observer: &mut dyn Observer,
) -> Result<FileOutcome, PredictError> {
    let started = Instant::now();
    let output = &options.output;
    let encoder = record.encoder(larder)?;
    check_output(options, Input::format_for_run(&record, &options.input, &options.flags)?)?;
    let mut input = Input::for_run(&record, InputOrigin::File(options.input.clone()), &options.flags)?;
    let Some((rows, layout)) = input.rows() else {
        return Err(InputError::LinesWithOutput { path: options.input.clone() }.into());
    };
    let (total, layout) = (rows.total(), layout.clone());
    let header = rows.header().map(<[String]>::to_vec);
    let rules = tasks::of(record.task());
    let sets = options.coverage.map(|request| RunSets::open(&record.folder(larder)?, &record, request)).transpose()?;
    let mut columns = rules.answer_columns(&record, &layout.columns);
    columns.lists |= sets.as_ref().is_some_and(RunSets::has_lists);
    let added = AddedColumns { columns, sets, prefix: options.prefix.clone(), task: record.task() };
    let output_file =
        OutputFile { input: options.input.clone(), columns: header.as_ref().map(Vec::len), layout, added };
    output_file.check(header.as_deref())?;
    let tokens = part_tokens(encoder.manifest().num_hidden_layers, encoder.manifest().hidden_size);
    let provenance = provenance(&record, options, &output_file.layout, tokens)?;
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
    Parts::wait(output);
    if output.exists() && !options.force {
        let is_same = match output_file.layout.format {
            Format::Parquet => read_provenance(output).ok().flatten().as_ref() == Some(&provenance),
            _ => Parts::were_joined_into(output, &provenance),
        };
        if !is_same {
            return Err(InputError::Exists { path: output.clone() }.into());
        }
        remove_left_beside(output, &provenance);
        outcome.rows = total.unwrap_or(0);
        outcome.fresh = true;
        return Ok(outcome);
    }
    let parts = Parts::open(output, &provenance)?;
    let subject = options.input.display().to_string();
    observer.event(Event::Started { stage: Stage::Predict, subject: &subject, changes: &[] });
    if record.settings.context == Context::Document {
        observer.event(Event::Note(
            "this run read neighbouring sentences along; the rows of a file are read each by itself",
        ));
    }
    let header = header.filter(|_| output_file.layout.format != Format::Parquet);
    let max_tokens = match record.settings.long {
        LongTexts::Cut => record.settings.max_tokens,
        // Every window costs.
        LongTexts::Windows => usize::MAX,
    };
    let mut blocks = Blocks { input, on_bad_row: options.on_bad_row, tokens, max_tokens, header };
    let mut prediction = FilePrediction {
        larder,
        record: Some(record),
        options,
        predictor: None,
        parts,
        outcome,
        count: 0,
        noted: false,
    };
    let format = output_file.layout.format;
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
        let (give, take) = mpsc::sync_channel::<(Block, Vec<Option<Answer>>, PathBuf)>(1);
        let writer = scope.spawn(move || {
            take.into_iter().try_for_each(|(block, answers, path)| output_file.write(&block, &answers, &path))
        });
        let predicted = prediction.all(&receive, &give, total, observer);
        drop((give, receive));
        let written = match writer.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // A failure to write ends the prediction, so it is the cause.
        written.and(predicted)
    });
    if let Err(error) = answered {
        prediction.parts.leave();
        return Err(error);
    }
    let mut outcome = prediction.finish(format, &provenance)?;
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// Rejects an output whose name is of another format than the input.
fn check_output(options: &FileOptions, format: InputFormat) -> Result<(), InputError> {
    let ending = options.output.extension().unwrap_or_default();
    if ["gz", "zst"].iter().any(|known| ending.eq_ignore_ascii_case(known)) {
        return Err(InputError::CompressedOutput { output: options.output.clone() });
    }
    match InputFormat::of_path(&options.output) {
        // CoNLL files have many endings, and an explicit format needs none.
        Some(InputFormat::Text) | None => Ok(()),
        Some(other) if other == format => Ok(()),
        Some(other) => Err(InputError::Formats {
            input: options.input.clone(),
            input_format: format,
            output: options.output.clone(),
            output_format: other,
        }),
    }
}

/// The columns, or fields, added to a row.
#[derive(Debug, Clone)]
struct AddedColumns {
    columns: AnswerColumns,
    /// Adds the columns of sets behind them.
    sets: Option<RunSets>,
    /// Prefix of each name.
    prefix: String,
    task: Task,
}

impl AddedColumns {
    /// Returns the names where a field may hold a list.
    fn names(&self) -> Vec<String> {
        self.columns.names.iter().chain(self.set_names()).map(|name| format!("{}{name}", self.prefix)).collect()
    }

    /// Returns the names in csv and tsv.
    fn cell_names(&self) -> Vec<String> {
        let names = self.columns.cell_names.iter().map(String::as_str).chain(self.set_names().iter().copied());
        names.map(|name| format!("{}{name}", self.prefix)).collect()
    }

    fn set_names(&self) -> &'static [&'static str] {
        self.sets.as_ref().map_or(&[], RunSets::column_names)
    }

    /// Returns an answer's values as JSON, one for each of [`names`](Self::names).
    fn json_values(&self, answer: &Answer) -> Vec<Value> {
        let sets = self.sets.iter().flat_map(|sets| sets.json_values(answer));
        answer.row().json_values(&self.columns).into_iter().chain(sets).collect()
    }

    /// Returns an answer's cells, one for each of [`cell_names`](Self::cell_names).
    fn cells(&self, answer: &Answer) -> Vec<String> {
        let sets = self.sets.iter().flat_map(|sets| sets.cells(answer));
        answer.row().cells(&self.columns).into_iter().chain(sets).collect()
    }

    /// Returns answers as Arrow arrays, one for each of [`names`](Self::names).
    fn arrays(&self, answers: &[Option<Answer>]) -> Vec<ArrayRef> {
        let sets = self.sets.iter().flat_map(|sets| sets.arrays(answers));
        tasks::of(self.task).answer_arrays(answers, &self.columns).into_iter().chain(sets).collect()
    }
}

/// The form of the output.
struct OutputFile {
    /// The input file, for messages.
    input: PathBuf,
    /// Number of the input's columns, if its header or schema names them.
    columns: Option<usize>,
    layout: Layout,
    added: AddedColumns,
}

impl OutputFile {
    /// Rejects columns that cannot be added to the file.
    fn check(&self, header: Option<&[String]>) -> Result<(), InputError> {
        let names = match self.layout.format {
            Format::Csv | Format::Tsv => self.added.cell_names(),
            _ => self.added.names(),
        };
        if let Some(column) = names.into_iter().find(|name| header.is_some_and(|header| header.contains(name))) {
            return Err(InputError::Taken { path: self.input.clone(), column });
        }
        let is_table = matches!(self.layout.format, Format::Csv | Format::Tsv);
        match text_rows::unquoted(&self.layout, &self.added).filter(|_| is_table) {
            Some(answer) => Err(InputError::Unquoted { path: self.input.clone(), answer, format: self.layout.format }),
            None => Ok(()),
        }
    }

    /// Writes a part.
    fn write(&self, block: &Block, answers: &[Option<Answer>], path: &Path) -> Result<(), PredictError> {
        let Self { input, columns, layout, added } = self;
        let records = &block.records;
        match layout.format {
            Format::Parquet => parquet_rows::write(records, answers, added, path),
            Format::Jsonl => {
                let names = added.names();
                match records.iter().find_map(|record| text_rows::taken_field(record, &names)) {
                    Some(column) => Err(InputError::Taken { path: input.clone(), column }.into()),
                    None => text_rows::write_jsonl(records, answers, added, path),
                }
            }
            Format::Conll => text_rows::write_conll(layout, records, answers, path),
            Format::Csv | Format::Tsv => {
                let header = block.header.as_deref();
                text_rows::write_delimited(layout, header, *columns, records, answers, added, path)
            }
        }
    }
}

/// Returns the provenance of a prediction: parts of another one are not reused.
fn provenance(
    record: &RunRecord,
    options: &FileOptions,
    layout: &Layout,
    tokens: usize,
) -> Result<Provenance, PredictError> {
    Ok(Provenance::new("predict", FORMAT_VERSION)
        .with("run", &record.run)
        .with("run.created", record.created_unix_seconds)
        .with("run.digest", record.provenance.digest())
        .with("encoder.digest", &record.encoder_digest)
        .with("labels", record.labels.join("\n"))
        .with("input.digest", digest_file(&options.input)?)
        .with("part_tokens", tokens)
        .with("prefix", &options.prefix)
        .with("on_bad_row", options.on_bad_row)
        .with_all(layout.parts())
        .with_all(options.coverage.iter().map(|asked| ("coverage".to_owned(), format!("{asked:?}")))))
}

struct FilePrediction<'a> {
    larder: &'a Larder,
    /// The run, until it is opened for the first row to answer.
    record: Option<RunRecord>,
    options: &'a FileOptions,
    predictor: Option<Box<dyn Predictor>>,
    parts: Parts,
    outcome: FileOutcome,
    count: usize,
    /// True if the predictor's remark was reported.
    noted: bool,
}

impl FilePrediction<'_> {
    fn all(
        &mut self,
        receive: &mpsc::Receiver<Result<Block, PredictError>>,
        give: &mpsc::SyncSender<(Block, Vec<Option<Answer>>, PathBuf)>,
        total: Option<u64>,
        observer: &mut dyn Observer,
    ) -> Result<(), PredictError> {
        for block in receive {
            let block = block?;
            let (rows, path) = (block.asked.len() as u64, self.parts.path(self.count));
            self.count += 1;
            self.outcome.unanswered_rows += block.asked.iter().filter(|asked| asked.is_none()).count() as u64;
            let before = self.outcome.rows;
            if path.exists() {
                self.outcome.resumed_rows += rows;
            } else {
                let answers = self.answer(&block.asked, &mut |event| match event {
                    Progress::Rows(done) => {
                        observer.event(Event::Predicting { rows: before + done as u64, total });
                    }
                    Progress::Note(note) => observer.event(Event::Note(&note)),
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
        asked: &[Option<Content>],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Option<Answer>>, PredictError> {
        if self.predictor.is_none()
            && let Some(record) = self.record.take()
        {
            let rules = tasks::of(record.task());
            self.predictor = Some(rules.predictor(self.larder, record, self.options.device, self.options.threads)?);
        }
        let Some(predictor) = &mut self.predictor else { return Ok(Vec::new()) };
        self.outcome.device = Some(predictor.ran_on().clone());
        if !self.noted {
            let contents: Vec<Content> = asked.iter().flatten().cloned().collect();
            if let Some(note) = predictor.note(&contents) {
                self.noted = true;
                progress(Progress::Note(note));
            }
        }
        let answers = distinct::answer(predictor.as_mut(), asked, &mut |done| progress(Progress::Rows(done)))?;
        let cut = answers.iter().flatten().filter(|answer| answer.row().is_truncated());
        self.outcome.truncated_rows += cut.count() as u64;
        Ok(answers)
    }

    fn finish(self, format: Format, provenance: &Provenance) -> Result<FileOutcome, PredictError> {
        self.parts.join(self.count, |parts, target| match format {
            Format::Parquet => join_parquet(parts, target, provenance),
            _ => Ok(join_text(parts, target)?),
        })?;
        Ok(self.outcome)
    }
}

/// Progress within a block.
enum Progress {
    Rows(usize),
    Note(String),
}

/// Joins all parts into one file.
fn join_text(parts: &[PathBuf], target: &Path) -> Result<(), FileError> {
    let scratch = parts.first().and_then(|part| part.parent()).unwrap_or(Path::new("."));
    let mut file = AtomicFile::create_in(scratch, target)?;
    for part in parts {
        let failed = |source| FileError::Io { action: "read", path: part.clone(), source };
        let mut text = std::fs::File::open(part).map_err(failed)?;
        std::io::copy(&mut text, &mut file).map_err(failed)?;
    }
    file.commit()
}
