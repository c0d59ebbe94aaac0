//! What can go wrong with a dataset. "Where" wraps "what": [`DataError`] names the file, its problem names the cause.

use parquet::errors::ParquetError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::choice::UnknownChoice;
use crate::names::{Names, clip};

/// A dataset that cannot be described, opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The TOML file itself cannot be read.
    #[error("cannot read the dataset description {path}", path = path.display())]
    ReadSpec {
        /// The TOML file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The TOML file says something wrong.
    #[error("{path}{line}: {problem}", path = path.display(), line = line.map(|n| format!(", line {n}")).unwrap_or_default())]
    Spec {
        /// The TOML file.
        path: PathBuf,
        /// One-based line, where one line is to blame.
        line: Option<u64>,
        /// What is wrong.
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
    /// The file of a split cannot be opened.
    #[error("cannot open {path}, split `{split}` of {spec}", path = path.display(), spec = spec.display())]
    OpenSplit {
        /// The TOML file.
        spec: PathBuf,
        /// The split asked for.
        split: String,
        /// The data file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading the data file failed half way.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The data file.
        path: PathBuf,
        /// Why.
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
        /// What is wrong with it.
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
        /// What is wrong with it.
        problem: Box<RowProblem>,
    },
    /// The data file is UTF-16.
    #[error("{path} is UTF-16; convert it to UTF-8, for example with `iconv -f UTF-16 -t UTF-8`", path = path.display())]
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
    /// A column the description names is not in the file.
    #[error("{path} has no column `{column}` ({hint})", path = path.display(), hint = known.hint(column))]
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
        /// What it should be.
        expected: &'static str,
        /// The Arrow type it has.
        found: String,
    },
    /// The Parquet file is damaged, or no Parquet file.
    #[error("cannot read {path} as Parquet; is it complete?", path = path.display())]
    Parquet {
        /// The data file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// Labels were asked for, but the description names no column with them.
    #[error("{spec} names no label column; add `label` to [columns]", spec = spec.display())]
    NoLabelColumn {
        /// The TOML file.
        spec: PathBuf,
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
        /// What is wrong.
        problem: SpecProblem,
    },
    /// More labels than any classifier has; most likely a text column was taken for the label.
    #[error(
        "{path} has more than {limit} different labels; is `label` in [columns] of {spec} the right column?",
        path = path.display(), spec = spec.display()
    )]
    TooManyLabels {
        /// The TOML file.
        spec: PathBuf,
        /// The data file.
        path: PathBuf,
        /// Labels allowed.
        limit: usize,
    },
}

/// What is wrong with a dataset description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecProblem {
    /// Not TOML, a required key is missing, or a value is of the wrong type; the parser's own words.
    #[error("{message}")]
    Toml {
        /// What the parser says.
        message: String,
    },
    /// A key nobody reads.
    #[error("unknown key `{key}` in {table} ({})", known.hint(key))]
    UnknownKey {
        /// The table, as a message names it.
        table: &'static str,
        /// The key found.
        key: String,
        /// The keys known in that table.
        known: Names,
    },
    /// A value that is none of the known ones.
    #[error(transparent)]
    Choice(#[from] UnknownChoice),
    /// A key that the task or the format needs is missing.
    #[error("{reason} needs `{key}`")]
    Missing {
        /// What needs it.
        reason: String,
        /// The key, with its table.
        key: &'static str,
    },
    /// A key that means nothing for this task or format.
    #[error("`{key}` means nothing for {reason}; {remedy}")]
    Unused {
        /// The key, with its table.
        key: &'static str,
        /// The task or format.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A task that this format cannot hold.
    #[error("the task {task} cannot be read from {format}; use one of {known}")]
    TaskFormat {
        /// The task.
        task: String,
        /// The format.
        format: String,
        /// Formats that can hold it.
        known: Names,
    },
    /// A column by name where columns have none, or by position where they have no order.
    #[error("`columns.{key}` is {found}, but {reason}")]
    ColumnKind {
        /// The key in `[columns]`.
        key: &'static str,
        /// The name or position found.
        found: String,
        /// Why that cannot be, and what can.
        reason: &'static str,
    },
    /// Two keys point at one column.
    #[error("`columns.{first}` and `columns.{second}` are the same column, {column}")]
    SameColumn {
        /// One key in `[columns]`.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// The name or position.
        column: String,
    },
    /// Columns are taken by position, and nothing says whether the first row names them.
    #[error("`header` is missing: say `header = true` if the first row of the files names the columns, else `false`")]
    HeaderUnsaid,
    /// A name that cannot be a file name.
    #[error("{what} `{}` cannot be a file name; use letters, digits, `-`, `_` and `.`, not `.` first", clip(found))]
    Name {
        /// Dataset or split.
        what: &'static str,
        /// The name found.
        found: String,
    },
    /// No split at all.
    #[error("[splits] is empty; name at least one file, such as `train = \"train.tsv\"`")]
    NoSplits,
    /// A list or text that must not be empty is.
    #[error("`{key}` is empty")]
    EmptyValue {
        /// The key, with its table.
        key: String,
    },
    /// A label name occurs twice.
    #[error("`labels.names` holds `{}` twice", clip(name))]
    DoubledLabel {
        /// The name.
        name: String,
    },
    /// Display names that are not as many as label names.
    #[error("`labels.display` has {display} names and `labels.names` has {names}; they go in pairs")]
    DisplayLength {
        /// Label names.
        names: usize,
        /// Display names.
        display: usize,
    },
    /// Display names without label names: nothing says which belongs to which.
    #[error("`labels.display` needs `labels.names`, which say the order")]
    DisplayAlone,
}

/// Where a row is: text files count lines, Parquet counts rows; both from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One-based line of a text file.
    Line(u64),
    /// One-based row of a Parquet file.
    Row(u64),
}

impl Place {
    /// The number alone.
    pub fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::Row(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Row(number) => write!(f, "row {number}"),
        }
    }
}

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowProblem {
    /// The row has more or fewer columns than the header or, without one, the first row.
    #[error("the row has {found} columns, expected {expected} {as_in}")]
    ColumnCount {
        /// Columns in this row.
        found: usize,
        /// Columns expected.
        expected: usize,
        /// What the expectation rests on.
        as_in: &'static str,
    },
    /// A CoNLL line lacks a column.
    #[error("the line has {found} columns, but `columns.{key}` is {needed} (counted from zero){hint}")]
    TooFewColumns {
        /// Columns in this line.
        found: usize,
        /// The key in `[columns]`.
        key: &'static str,
        /// Its zero-based position.
        needed: usize,
        /// A suspicion about the separator, or nothing.
        hint: &'static str,
    },
    /// Bytes that are no UTF-8.
    #[error("invalid UTF-8 at byte {offset} of the file (on line {line})")]
    Utf8 {
        /// One-based line of the byte.
        line: u64,
        /// Zero-based offset of the byte in the file.
        offset: u64,
    },
    /// Something follows the closing quote of a field.
    #[error(
        "text after the closing quote of column {column} (counted from zero); \
         double a quote inside quotes, or set `quoting = false` if quotes are plain characters"
    )]
    AfterQuote {
        /// Zero-based column.
        column: usize,
    },
    /// Nothing where something must be.
    #[error("`{column}` is empty")]
    Empty {
        /// The column.
        column: String,
    },
    /// A line that is no JSON.
    #[error("not JSON, at byte {column} of the line: {message}")]
    Json {
        /// One-based byte of the line.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A JSON object, or a row of a table, without the field or with null in it.
    #[error("no value for `{column}`")]
    MissingValue {
        /// The field.
        column: String,
    },
    /// A value of the wrong type.
    #[error("`{column}` is {found}, expected {expected}")]
    Type {
        /// The field, or "the line".
        column: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// As many tags as words are needed.
    #[error("{words} words but {tags} tags")]
    TagCount {
        /// Words in the row.
        words: usize,
        /// Tags in the row.
        tags: usize,
    },
    /// A label that is none of the known ones.
    #[error("unknown label `{}` ({})", clip(label), known.hint(label))]
    UnknownLabel {
        /// The label found.
        label: String,
        /// The labels known.
        known: Names,
    },
    /// A tag that is none of the known ones.
    #[error("unknown tag `{}` on word {word}, `{}` ({})", clip(tag), clip(text), known.hint(tag))]
    UnknownTag {
        /// The tag found.
        tag: String,
        /// One-based word of the sentence.
        word: usize,
        /// That word.
        text: String,
        /// The tags known.
        known: Names,
    },
}
