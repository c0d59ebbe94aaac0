//! The errors of datasets. "Where" wraps "what": [`DataError`] names the file, its problem names the cause.

use parquet::errors::ParquetError;
use std::io;
use std::path::PathBuf;

use crate::row_problem::{Place, RowProblem};
use crate::spec_problem::SpecProblem;
use larder_errors::{Names, clip, counted};

/// A dataset that cannot be described, opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The TOML file itself cannot be read.
    #[error("cannot read the dataset description {path}", path = path.display())]
    ReadSpec {
        /// The TOML file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The TOML file says something wrong.
    #[error("{path}{line}: {problem}", path = path.display(), line = line.map(|n| format!(", line {n}")).unwrap_or_default())]
    Spec {
        /// The TOML file.
        path: PathBuf,
        /// One-based line, where one line is to blame.
        line: Option<u64>,
        /// The problem.
        problem: SpecProblem,
    },
    /// A split was asked for that the description does not have.
    #[error("{spec} has no split `{split}` ({hint})", spec = spec.display(), hint = known.hint(split))]
    UnknownSplit {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The splits it has.
        known: Names,
    },
    /// The path of a split uses an environment variable that has no value.
    #[error(
        "{spec}: the path of split `{split}` is \"{template}\", but the environment variable {variable} is not set; \
         set it to the folder that holds the data",
        spec = spec.display()
    )]
    VariableNotSet {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The path as written.
        template: String,
        /// The variable.
        variable: String,
    },
    /// The path of a split has `${` without `}`, or a variable name that cannot be one.
    #[error(
        "{spec}: the path of split `{split}`, \"{template}\", has a malformed variable; write $NAME or ${{NAME}}",
        spec = spec.display()
    )]
    MalformedVariable {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The path as written.
        template: String,
    },
    /// No file has a name of that pattern.
    #[error(
        "no file is called as {pattern}, which is split `{split}` of {spec}; the folder holds {known}",
        pattern = pattern.display(), spec = spec.display(), known = shown(known)
    )]
    NoFileMatches {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The folder with the pattern.
        pattern: PathBuf,
        /// The files in the folder.
        known: Names,
    },
    /// The folder in which files are to be found cannot be read.
    #[error(
        "cannot read the folder of {pattern}, which is split `{split}` of {spec}; `*` and `?` stand for parts of a file's name, \
         not for folders",
        pattern = pattern.display(), spec = spec.display()
    )]
    Folder {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The folder with the pattern.
        pattern: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A split has a file twice.
    #[error(
        "{spec}: split `{split}` has {path} twice, and its rows would count twice; name it once",
        spec = spec.display(), path = path.display()
    )]
    FileTwice {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The file.
        path: PathBuf,
    },
    /// The file of a split cannot be opened.
    #[error("cannot open {path}, split `{split}` of {spec}", path = path.display(), spec = spec.display())]
    OpenSplit {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The data file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Reading the data file failed half way.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The data file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The data file holds no row.
    #[error("{path} is empty: it has no row", path = path.display())]
    Empty {
        /// The data file.
        path: PathBuf,
    },
    /// A row cannot be used, and the policy is to stop.
    #[error("{path}, {place}: {problem}", path = path.display())]
    BadRow {
        /// The data file.
        path: PathBuf,
        /// The row.
        place: Place,
        /// The problem with it.
        problem: Box<RowProblem>,
    },
    /// Every row was skipped: the description does not fit the file.
    #[error("{path}: all {count} rows are bad; the first, {place}: {problem}", path = path.display())]
    AllRowsBad {
        /// The data file.
        path: PathBuf,
        /// Rows skipped.
        count: u64,
        /// The first of them.
        place: Place,
        /// The problem with it.
        problem: Box<RowProblem>,
    },
    /// The data file is UTF-16.
    #[error(
        "{path} is UTF-16; say `encoding = \"utf-16\"` in the description, or convert it to UTF-8, for example with \
         `iconv -f UTF-16 -t UTF-8`",
        path = path.display()
    )]
    Utf16 {
        /// The data file.
        path: PathBuf,
    },
    /// A quoted field never ends, so that no later row can be told apart.
    #[error(
        "{path}, line {line}: the quoted field that starts in this row is never closed; \
         if quotes are plain characters in this file, set `quoting = false`",
        path = path.display()
    )]
    UnterminatedQuote {
        /// The data file.
        path: PathBuf,
        /// One-based line of the row.
        line: u64,
    },
    /// A row longer than [`MAX_ROW_BYTES`](crate::MAX_ROW_BYTES).
    #[error(
        "{path}, line {line}: the row is longer than {limit} bytes; is the format right, and is a quote closed?",
        path = path.display()
    )]
    RowTooLong {
        /// The data file.
        path: PathBuf,
        /// One-based line the row starts on.
        line: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// A JSON array without its end.
    #[error(
        "{path}: the JSON array does not end with `]` behind its first {}: the file is cut, or a quote is not closed; fetch or write it \
         again",
        counted(*rows, "row"), path = path.display()
    )]
    ArrayCut {
        /// The data file.
        path: PathBuf,
        /// Rows that are whole.
        rows: u64,
    },
    /// A sentence longer than [`MAX_SENTENCE_WORDS`](crate::MAX_SENTENCE_WORDS).
    #[error(
        "{path}: the sentence that starts on line {line} has more than {limit} words without a blank line; \
         sentences must be separated by blank lines, is this file separated by something else?",
        path = path.display()
    )]
    SentenceTooLong {
        /// The data file.
        path: PathBuf,
        /// One-based line the sentence starts on.
        line: u64,
        /// Words allowed.
        limit: usize,
    },
    /// A file whose bytes are not those of its rows: rows of it cannot be read from the middle.
    #[error(
        "{path} is {what}, and rows in the middle of such a file cannot be reached: {remedy}",
        path = path.display()
    )]
    NotSeekable {
        /// The data file.
        path: PathBuf,
        /// The kind of file, in words.
        what: String,
        /// The way out.
        remedy: &'static str,
    },
    /// A column the description names is not in the file.
    #[error("{path} has no column `{}` ({hint})", clip(column), path = path.display(), hint = known.hint(column))]
    MissingColumn {
        /// The data file.
        path: PathBuf,
        /// Name or position asked for.
        column: String,
        /// The columns it has.
        known: Names,
    },
    /// A column the description names occurs more than once.
    #[error("{path} has more than one column `{column}`; give its zero-based position instead", path = path.display())]
    AmbiguousColumn {
        /// The data file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A Parquet column of a type that cannot be read as what it is for.
    #[error("{path}: column `{column}` is {found}, expected {expected}", path = path.display())]
    ColumnType {
        /// The data file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The type expected.
        expected: &'static str,
        /// The Arrow type it has.
        found: String,
    },
    /// The Parquet file is damaged, or no Parquet file.
    #[error("cannot read {path} as Parquet; is it complete?", path = path.display())]
    Parquet {
        /// The data file.
        path: PathBuf,
        /// The reader's reason.
        source: ParquetError,
    },
    /// Parquet from standard input.
    #[error("{path} cannot be read as Parquet, whose end is read first; give a file", path = path.display())]
    NoStream {
        /// The input that is not a file.
        path: PathBuf,
    },
    /// Labels were asked for, but the description names no column with them.
    #[error("{spec} names no column to learn from; add `{key}` to [columns]", spec = spec.display())]
    NoLabelColumn {
        /// The TOML file.
        spec: PathBuf,
        /// The key that is missing in `[columns]`.
        key: &'static str,
    },
    /// A label that is none of the known ones.
    #[error("unknown label `{}` ({})", clip(label), known.hint(label))]
    UnknownLabel {
        /// The label found.
        label: String,
        /// The labels known.
        known: Names,
    },
    /// Label names that are empty, doubled, or not as many as their display names.
    #[error("the label names cannot be used: {problem}")]
    LabelNames {
        /// The problem.
        problem: SpecProblem,
    },
    /// More labels than any classifier has; most likely a text column was taken for the label.
    #[error(
        "{path} has more than {limit} different labels or entity types; is `{key}` in [columns] of {spec} the right \
         column?",
        path = path.display(), spec = spec.display()
    )]
    TooManyLabels {
        /// The TOML file.
        spec: PathBuf,
        /// The data file.
        path: PathBuf,
        /// The key in `[columns]`.
        key: &'static str,
        /// Labels allowed.
        limit: usize,
    },
    /// A file cannot be opened.
    #[error("cannot open {path}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file whose name tells no format with columns, or that has a format without.
    #[error(
        "{path}: its name tells no format with columns that can be scored; `--input-format csv|tsv|jsonl|parquet` says which it is",
        path = path.display()
    )]
    NoColumnFormat {
        /// The file.
        path: PathBuf,
    },
    /// A column that cannot be named so.
    #[error("{path}: the column `{column}`: {reason}", path = path.display())]
    ColumnName {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The reason.
        reason: &'static str,
    },
    /// Files of label sets without any label.
    #[error("{path}: no row has a label, neither as gold nor predicted; there is nothing to score", path = path.display())]
    NoLabelsToScore {
        /// The file of gold.
        path: PathBuf,
    },
    /// Gold and predictions of different numbers of rows.
    #[error(
        "{gold} has {gold_rows} rows, {predicted} has {predicted_rows}; each row of one is compared with the row of the same \
         number in the other: are rows missing at the end of the shorter?",
        gold = gold.display(), predicted = predicted.display()
    )]
    RowCounts {
        /// The file of gold.
        gold: PathBuf,
        /// Its rows.
        gold_rows: usize,
        /// The file of predictions.
        predicted: PathBuf,
        /// Its rows.
        predicted_rows: usize,
    },
    /// Gold and predictions were asked for in one column.
    #[error("{path}: column {column} cannot hold both gold and predictions; they are compared", path = path.display())]
    SameScoredColumn {
        /// The file.
        path: PathBuf,
        /// The name or zero-based position given for both.
        column: String,
    },
}

/// Files named in a message.
const SHOWN_FILES: usize = 8;

/// Returns the first of the files of a folder.
fn shown(files: &Names) -> String {
    match files.as_slice() {
        [] => "no files".to_owned(),
        files if files.len() <= SHOWN_FILES => Names::new(files.iter().cloned()).to_string(),
        files => format!("{} and {} more", Names::new(files[..SHOWN_FILES].iter().cloned()), files.len() - SHOWN_FILES),
    }
}

/// Returns a suspicion about the separator of a file whose first line is one name.
fn separator_hint(names: &[String]) -> Option<&'static str> {
    match names {
        [only] if only.contains(';') => {
            Some("the first line has semicolons: `separator = \";\"` in the description parts columns at them")
        }
        [only] if only.contains('\t') => Some("the first line has tabs: `format = \"tsv\"` parts columns at them"),
        [only] if only.contains(',') => Some("the first line has commas: `format = \"csv\"` parts columns at them"),
        _ => None,
    }
}

impl DataError {
    /// The way out where the message alone does not show it.
    pub fn hint(&self) -> Option<&'static str> {
        let problem = match self {
            Self::BadRow { problem, .. } | Self::AllRowsBad { problem, .. } => problem,
            Self::MissingColumn { known, .. } => return separator_hint(known.as_slice()),
            _ => return None,
        };
        match problem.as_ref() {
            RowProblem::IllegalTag { problem, .. } if !problem.is_malformed() => Some(
                "`--illegal-tags repair` reads such tags as conlleval does; `--on-bad-row skip` leaves the sentence out",
            ),
            RowProblem::SpanInWord { .. } => Some(
                "`--illegal-tags repair` takes the whole word; where words have no blanks between them, \
                 `split_text = \"characters\"` in the description makes each character a word",
            ),
            RowProblem::Type { expected: "a list of strings", found: "a string", .. } => Some(
                "a text with spans of characters is read with `text = …` and `spans = …` in [columns] of the description",
            ),
            RowProblem::Utf8 { .. } => Some(
                "if it is latin1, `encoding = \"windows-1252\"` in the description reads it, and \
                 `iconv -f WINDOWS-1252 -t UTF-8` converts it",
            ),
            _ => None,
        }
    }
}
