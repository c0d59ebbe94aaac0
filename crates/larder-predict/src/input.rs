//! Rows to answer, from files and streams.

use std::io::Read;
use std::path::{Path, PathBuf};

use larder_data::{Content, DataError, Format, InputFormat, InputReader, Layout, Place, Record, RowProblem, TextLines};
use larder_run::RunRecord;

use crate::error::{InputError, PredictError, RowInput};
use crate::layout::{ARGUMENTS, InputFlags, LayoutRules, STANDARD_INPUT, check_flags};

/// The origin of rows.
pub enum InputOrigin {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// Texts from the command line or typed, one row each.
    Arguments(Vec<String>),
}

/// A row to answer.
#[derive(Debug)]
pub struct AskedRow {
    /// Its place in the input.
    pub place: Place,
    /// The text or words, or the problem with them.
    pub content: Result<Content, RowProblem>,
    /// The record it was read from; `None` for lines.
    pub record: Option<Record>,
}

/// An open file or stream of rows, read in constant memory.
pub struct Input {
    name: PathBuf,
    format: InputFormat,
    stream: RowStream,
    reads: RowInput,
    /// True if a run answers them, which may leave rows unanswered.
    is_for_run: bool,
    /// Number of rows returned.
    given: u64,
}

enum RowStream {
    Rows(Box<InputReader>, Box<Layout>),
    Lines { lines: Lines, number: u64, pair: bool },
}

type Lines = Box<dyn Iterator<Item = Result<String, DataError>> + Send>;

impl Input {
    /// Opens rows for a run, read like the run's own files unless `flags` say otherwise.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn for_run(record: &RunRecord, origin: InputOrigin, flags: &InputFlags) -> Result<Self, PredictError> {
        Ok(Self::open(&LayoutRules::of_run(record), origin, flags)?)
    }

    /// Returns the format in which a run would read the file at `path`.
    ///
    /// # Errors
    /// [`InputError`] if it cannot be determined.
    pub(crate) fn format_for_run(
        record: &RunRecord,
        path: &Path,
        flags: &InputFlags,
    ) -> Result<InputFormat, InputError> {
        LayoutRules::of_run(record).format(path, flags)
    }

    /// Opens loose texts, described by `flags` alone.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn of_texts(origin: InputOrigin, flags: &InputFlags) -> Result<Self, PredictError> {
        Ok(Self::open(&LayoutRules::of_texts(), origin, flags)?)
    }

    fn open(reader: &LayoutRules, origin: InputOrigin, flags: &InputFlags) -> Result<Self, InputError> {
        let name: PathBuf = match &origin {
            InputOrigin::File(path) => path.clone(),
            InputOrigin::StandardInput => STANDARD_INPUT.into(),
            InputOrigin::Arguments(_) => ARGUMENTS.into(),
        };
        let format = reader.format(&name, flags)?;
        let is_for_run = reader.is_of_run;
        let reads = match format {
            InputFormat::Jsonl | InputFormat::Parquet if reader.has_words => RowInput::WordsOrText,
            _ if reader.pair => RowInput::Pair,
            _ => RowInput::Text,
        };
        let failed = |error| InputError::of(error, reads, false);
        let Some(rows) = format.rows() else {
            check_flags(&name, format, flags)?;
            let lines: Lines = match origin {
                InputOrigin::File(_) => Box::new(TextLines::open(&name).map_err(failed)?),
                InputOrigin::StandardInput => Box::new(TextLines::from_stream(name.clone(), std::io::stdin())),
                InputOrigin::Arguments(texts) => Box::new(texts.into_iter().map(Ok)),
            };
            let row_stream = RowStream::Lines { lines, number: 0, pair: reader.pair };
            return Ok(Self { name, format, stream: row_stream, reads, is_for_run, given: 0 });
        };
        let stream: Option<Box<dyn Read + Send>> = match origin {
            InputOrigin::File(_) => None,
            InputOrigin::StandardInput => Some(Box::new(std::io::stdin())),
            InputOrigin::Arguments(texts) => Some(Box::new(std::io::Cursor::new(texts.join("\n")))),
        };
        let layout = reader.layout(&name, rows, flags)?;
        let (rows, layout) = match stream {
            Some(stream) => (InputReader::from_stream(&layout, name.clone(), stream), layout),
            None if reader.has_words && rows == Format::Parquet => open_words_or_texts(layout, &name),
            None => (InputReader::open(&layout, &name), layout),
        };
        let rows = match rows {
            Ok(rows) => rows,
            // Empty standard input has no rows.
            Err(DataError::Empty { path }) if path == Path::new(STANDARD_INPUT) => {
                let row_stream = RowStream::Lines { lines: Box::new(std::iter::empty()), number: 0, pair: false };
                return Ok(Self { name, format, stream: row_stream, reads, is_for_run, given: 0 });
            }
            Err(error) => return Err(failed(error)),
        };
        let row_stream = RowStream::Rows(Box::new(rows), Box::new(layout));
        Ok(Self { name, format, stream: row_stream, reads, is_for_run, given: 0 })
    }

    /// Returns the format of the input.
    pub fn format(&self) -> InputFormat {
        self.format
    }

    /// Returns the error for a row that cannot be answered.
    pub fn bad_row(&self, place: Place, problem: RowProblem) -> PredictError {
        let error = DataError::BadRow { path: self.name.clone(), place, problem: Box::new(problem) };
        InputError::of(error, self.reads, self.is_for_run).into()
    }

    fn failed(&self, error: DataError) -> PredictError {
        InputError::of(error, self.reads, false).into()
    }

    /// Returns the reader and layout of rows; `None` for lines.
    pub(crate) fn rows(&mut self) -> Option<(&mut InputReader, &Layout)> {
        match &mut self.stream {
            RowStream::Rows(rows, layout) => Some((rows, layout)),
            RowStream::Lines { .. } => None,
        }
    }
}

/// Opens a Parquet file by its words, or by its texts if it has no column of words.
fn open_words_or_texts(layout: Layout, path: &Path) -> (Result<InputReader, DataError>, Layout) {
    let only = |is_words: bool| {
        let mut only = layout.clone();
        match is_words {
            true => only.columns.text = None,
            false => only.columns.words = None,
        }
        only
    };
    if layout.columns.words.is_some() {
        let words = InputReader::open(&only(true), path);
        if layout.columns.text.is_none() || !matches!(words, Err(DataError::MissingColumn { .. })) {
            return (words, only(true));
        }
    }
    (InputReader::open(&only(false), path), only(false))
}

impl Iterator for Input {
    type Item = Result<AskedRow, PredictError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match &mut self.stream {
            RowStream::Rows(rows, _) => {
                let Some(row) = rows.next() else {
                    let is_empty = self.given == 0 && self.name != Path::new(STANDARD_INPUT);
                    self.given = u64::MAX;
                    return is_empty.then(|| Err(self.failed(DataError::Empty { path: self.name.clone() })));
                };
                self.given += 1;
                row.map(|row| AskedRow { place: row.place, content: row.content, record: Some(row.record) })
            }
            RowStream::Lines { lines, number, pair } => {
                *number += 1;
                let content = match lines.next()? {
                    Ok(line) if self.format == InputFormat::Words => {
                        Ok(Ok(Content::Words(line.split_whitespace().map(str::to_owned).collect())))
                    }
                    Ok(line) => Ok(content_of_line(&line, *pair)),
                    Err(DataError::BadRow { problem, .. }) => Ok(Err(*problem)),
                    Err(error) => Err(error),
                };
                content.map(|content| AskedRow { place: Place::Line(*number), content, record: None })
            }
        };
        Some(row.map_err(|error| self.failed(error)))
    }
}

/// Returns the text of a line, or with `pair` two texts separated by a tab.
///
/// # Errors
/// [`RowProblem::NoPair`].
pub fn content_of_line(line: &str, pair: bool) -> Result<Content, RowProblem> {
    if !pair {
        return Ok(Content::Text { text: line.to_owned(), text_b: None });
    }
    let (first, second) = line.split_once('\t').ok_or(RowProblem::NoPair)?;
    Ok(Content::Text { text: first.to_owned(), text_b: Some(second.to_owned()) })
}
