//! Errors of answering a file.

use std::path::PathBuf;

use larder_data::{DataError, Format, InputFormat, RowProblem};
use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_run::{RunError, from_stage_errors};
use larder_store::StoreError;

/// An error of a prediction.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The run, or a stage that it needs.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The file of rows.
    #[error(transparent)]
    Input(#[from] InputError),
}

from_stage_errors!(PredictError: FileError, StoreError);

impl PredictError {
    /// Returns the class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Run(error) => error.class(),
            Self::Input(_) => ErrorClass::Input,
        }
    }

    /// Returns a hint, where the message alone does not show the way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::Input(_) => None,
        }
    }
}

/// An input file that cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file name whose ending is of no known format.
    #[error(
        "{}: nothing tells how it is laid out; expected a name that ends in .csv, .tsv, .jsonl, .parquet{}.txt\n  \
         `--input-format csv|tsv|jsonl|parquet|{}` says how",
        path.display(),
        if *of_words { ", .conll or " } else { " or " },
        if *of_words { "conll|text|words" } else { "text" }
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// True if files of words can be read too.
        of_words: bool,
    },
    /// A file name that may be plain text, or in the format of the run's own files.
    #[error(
        "{}: this may be a text a line, or {format} as the file that the run was trained on, whose name ends alike\n  \
         `--input-format text` or `--input-format {format}` decides",
        path.display()
    )]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// The format of the run's own files.
        format: Format,
    },
    /// Words, for a run that labels texts.
    #[error(
        "{}: {format} holds words with tags, and texts are read here\n  \
         give texts: .csv, .tsv, .jsonl, .parquet, or a text a line",
        path.display()
    )]
    Words {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: InputFormat,
    },
    /// The column to read is unknown.
    #[error("{}: the run does not say which column of a {format} file holds its {holds}\n  `{flag} N` does", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: Format,
        /// `texts` or `words`.
        holds: &'static str,
        /// The flag that names it.
        flag: &'static str,
    },
    /// A column's name, for a format whose columns have only positions.
    #[error("{}: `{flag} {given}`: {reason}", path.display())]
    ColumnKind {
        /// The file.
        path: PathBuf,
        /// The flag.
        flag: &'static str,
        /// The value given.
        given: String,
        /// Why it is invalid, and what to give instead.
        reason: &'static str,
    },
    /// A flag that does not apply to the format.
    #[error("{}: {flag} means nothing for a {format} file; leave it out", path.display())]
    UselessFlag {
        /// The file.
        path: PathBuf,
        /// The flag.
        flag: &'static str,
        /// The file's format.
        format: InputFormat,
    },
    /// A file that cannot be opened or read.
    #[error("{source}{hint}")]
    Data {
        /// The error, with its place.
        source: Box<DataError>,
        /// The flags that help, on a separate line; may be empty.
        hint: String,
    },
    /// An output format other than the input's.
    #[error(
        "{} is {input_format} and {} would be {output_format}: give the output the same ending",
        input.display(), output.display()
    )]
    Formats {
        /// The input file.
        input: PathBuf,
        /// Its format.
        input_format: InputFormat,
        /// The output file.
        output: PathBuf,
        /// Its format, by its name.
        output_format: InputFormat,
    },
    /// An output whose name says that it is compressed.
    #[error("{}: answers are written as they are, not compressed: leave the last ending of the name out", output.display())]
    CompressedOutput {
        /// The output file.
        output: PathBuf,
    },
    /// Lines, to which answers cannot be added.
    #[error(
        "{} has lines, not rows to which answers could be added: leave --output out, and the answers are printed",
        path.display()
    )]
    LinesWithOutput {
        /// The file.
        path: PathBuf,
    },
    /// A column that has the name of an added one.
    #[error("{}: there is a column `{column}` already\n  --prefix TEXT puts something before the names of the new ones", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// An answer that would be split in a file without quotes.
    #[error(
        "{}: `{answer}` cannot be written into a {format} file without quotes\n  \
         with `--quoting true` it can, and quotes in the file then enclose fields",
        path.display()
    )]
    Unquoted {
        /// The file.
        path: PathBuf,
        /// A label, or other value that contains the separator.
        answer: String,
        /// The file's format.
        format: Format,
    },
    /// An existing output, made from something else.
    #[error("{} is there already\n  --force replaces it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A part of the output that cannot be written.
    #[error("cannot write the rows of {}", path.display())]
    Write {
        /// The part.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// The input of a run in each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowInput {
    /// A text.
    Text,
    /// Two texts.
    Pair,
    /// A list of words, or a text.
    WordsOrText,
}

impl InputError {
    /// Adds the flags that help to `error`. With `can_skip`, an error of one row may leave it unanswered.
    pub(crate) fn of(error: DataError, reads: RowInput, can_skip: bool) -> Self {
        const QUOTES: &str = "`--quoting false` takes quotes as plain characters";
        let column = match reads {
            RowInput::Text => {
                "`--text-column` says which column to read: NAME, or a zero-based position where columns have one"
            }
            RowInput::Pair => {
                "`--text-column` and `--text-b-column` say which columns to read: NAME, or a zero-based position where \
                 columns have one"
            }
            RowInput::WordsOrText => {
                "`--text-column`, or `--words-column` for words, says which column to read: NAME, or a zero-based position \
                 where columns have one"
            }
        };
        let value = match reads {
            RowInput::Text => "`--text-column NAME` says where it is",
            RowInput::Pair => "`--text-column NAME` and `--text-b-column NAME` say where both are",
            RowInput::WordsOrText => "`--text-column NAME`, or `--words-column NAME` for words, says where it is",
        };
        let (helps, is_row) = match &error {
            DataError::MissingColumn { .. } | DataError::AmbiguousColumn { .. } | DataError::ColumnType { .. } => {
                (Some(column), false)
            }
            DataError::UnterminatedQuote { .. } => (Some(QUOTES), false),
            DataError::BadRow { problem, .. } => {
                let helps = match problem.as_ref() {
                    // The line itself is no object, whatever the column.
                    RowProblem::Type { expected: "an object", .. } => None,
                    RowProblem::MissingValue { .. } | RowProblem::NeitherValue { .. } | RowProblem::Type { .. } => {
                        Some(value)
                    }
                    RowProblem::ColumnCount { .. } => Some(
                        "`--quoting true|false` says whether quotes enclose fields, `--text-column N` which column to read",
                    ),
                    RowProblem::AfterQuote { .. } => Some(QUOTES),
                    RowProblem::Utf8 { .. } => {
                        Some("`iconv -f WINDOWS-1252 -t UTF-8` converts the file if it is latin1")
                    }
                    RowProblem::TooFewColumns { .. } => Some(
                        "`--words-column N` says which column holds the words, `--separator tab|space|whitespace` what \
                         separates columns",
                    ),
                    _ => None,
                };
                (helps, true)
            }
            _ => (None, false),
        };
        let skip = (is_row && can_skip).then_some("`--on-bad-row skip` leaves such rows without an answer");
        let flags: Vec<&str> = helps.into_iter().chain(skip).collect();
        let hint = if flags.is_empty() { String::new() } else { format!("\n  {}", flags.join("; ")) };
        Self::Data { source: Box::new(error), hint }
    }
}
