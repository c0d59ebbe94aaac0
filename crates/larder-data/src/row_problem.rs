//! The problems of one row, and its place.

use larder_tags::IllegalTag;
use std::fmt;

use larder_errors::{Names, clip};

/// The place of a row: text files count lines, Parquet counts rows; both from one.
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

/// The problem with one row.
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
        /// The row or header that the expectation rests on.
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
    /// A column that must not be empty is.
    #[error("`{column}` is empty")]
    Empty {
        /// The column.
        column: String,
    },
    /// A carriage return where none is meant: in a label or tag, or in a field that should then be quoted.
    #[error(
        "a carriage return in `{}` of column {column} (counted from zero); do all lines of the file end alike?",
        clip(value)
    )]
    CarriageReturn {
        /// Zero-based column.
        column: usize,
        /// The field's value.
        value: String,
    },
    /// A line that is no JSON.
    #[error("not JSON, at byte {column} of the line: {message}")]
    Json {
        /// One-based byte of the line.
        column: usize,
        /// The parser's message.
        message: String,
    },
    /// A JSON object, or a row of a table, without the field or with null in it.
    #[error("no value for `{column}`")]
    MissingValue {
        /// The field.
        column: String,
    },
    /// A line of one text where there are to be two.
    #[error("expected a pair, TEXT<tab>TEXT, found one text")]
    NoPair,
    /// A JSON object that has neither of two fields.
    #[error("no value for `{first}` or `{second}`")]
    NeitherValue {
        /// The field looked for first.
        first: String,
        /// The other.
        second: String,
    },
    /// A placeholder stands for a missing label.
    #[error("`{column}` is `{label}`, which stands for no label")]
    Placeholder {
        /// The column.
        column: String,
        /// The text found.
        label: String,
    },
    /// A row of a file that has labels, without one.
    #[error(
        "{problem}, and other rows of the file have a label: leave the rows without one out with `--on-bad-row skip`, or say what \
         is a label in `labels.names` of the description"
    )]
    NoTarget {
        /// The problem with its label or tags.
        problem: Box<RowProblem>,
    },
    /// A value of the wrong type.
    #[error("`{column}` is {found}, expected {expected}")]
    Type {
        /// The field, or "the line".
        column: String,
        /// The type expected.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A text where a number is expected, or a number that is not finite.
    #[error("`{column}` is `{}`, expected a finite number", clip(text))]
    NotANumber {
        /// The column.
        column: String,
        /// The text found.
        text: String,
    },
    /// A number outside the range of the description.
    #[error("`{column}` is {number}, but `[target]` of the description says `{bound}`")]
    OutOfRange {
        /// The column.
        column: String,
        /// The number found.
        number: String,
        /// The bound that it breaks, as the description says it.
        bound: String,
    },
    /// A column that says whether the row has a label holds something else.
    #[error("`{column}` is `{}`, expected 1 if the row has the label and 0 if not", clip(text))]
    NotYesOrNo {
        /// The column.
        column: String,
        /// The text found.
        text: String,
    },
    /// A text that is no list of labels in JSON, where no separator is said.
    #[error(
        "`{column}` is `{}`, expected a list in JSON, as [\"a\", \"b\"]; what stands between the labels of a plain text is said \
         with `--label-separator`",
        clip(text)
    )]
    NotALabelList {
        /// The column.
        column: String,
        /// The text found.
        text: String,
    },
    /// A number outside 0 to 1, or none.
    #[error("`{column}` is `{}`, expected a probability, from 0 to 1", clip(text))]
    NotAProbability {
        /// The column.
        column: String,
        /// The text found.
        text: String,
    },
    /// More or fewer probabilities than labels.
    #[error("`{column}` has {found} probabilities, expected one for each of the labels {labels}")]
    ProbabilityCount {
        /// The column.
        column: String,
        /// Numbers in the row.
        found: usize,
        /// The labels.
        labels: Names,
    },
    /// A list of probabilities whose order nothing tells.
    #[error(
        "`{column}` is a list, and nothing tells which label each probability is of; name them in its order with `--labels`"
    )]
    NoLabelOrder {
        /// The column.
        column: String,
    },
    /// A value that is no span of characters, or no list of spans.
    #[error(
        "`{column}` is no span of characters: expected a list of `[start, end, label]`, or of objects with `start`, `end` and \
         `label`"
    )]
    NotASpan {
        /// The column, with the place in its list.
        column: String,
    },
    /// A span with no word in it, or that ends behind the text.
    #[error("the span {start} to {end} holds no word of the text, which has {characters} characters")]
    SpanRange {
        /// Its first character, counted from zero.
        start: usize,
        /// The character after its last.
        end: usize,
        /// Characters of the text.
        characters: usize,
    },
    /// Two spans with a word in common.
    #[error(
        "the span {start} to {end} of type `{}` overlaps with one of type `{}`; a word has one tag, so spans must not overlap",
        clip(second),
        clip(first)
    )]
    SpansOverlap {
        /// The first character of the second, counted from zero.
        start: usize,
        /// The character after its last.
        end: usize,
        /// The type of the first span.
        first: String,
        /// The type of the second.
        second: String,
    },
    /// A span that begins or ends inside of a word.
    #[error("the span {start} to {end}, `{}`, begins or ends inside of the word `{}`", clip(text), clip(word))]
    SpanInWord {
        /// Its first character, counted from zero.
        start: usize,
        /// The character after its last.
        end: usize,
        /// Its text.
        text: String,
        /// The word.
        word: String,
    },
    /// The numbers of words and tags differ.
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
    /// A tag that is none of its scheme, or at a place where the scheme does not allow it.
    #[error("word {word}, `{}`: {problem}{}", clip(text), repair_hint(problem))]
    IllegalTag {
        /// One-based word of the sentence.
        word: usize,
        /// The word itself.
        text: String,
        /// The problem with its tag.
        problem: Box<IllegalTag>,
    },
    /// A tag that is illegal in the scheme of the description, where another way of reading makes all tags of the split legal.
    #[error(
        "word {word}, `{}`: {problem}; all tags of the split are legal if the description says {lines}",
        clip(text)
    )]
    OtherTagStyle {
        /// One-based word of the sentence.
        word: usize,
        /// The word itself.
        text: String,
        /// The problem with its tag.
        problem: Box<IllegalTag>,
        /// Lines of the description, as a message shows them.
        lines: String,
    },
    /// A tag of an entity type that is none of the known ones.
    #[error(
        "word {word}, `{}`: unknown entity type `{}` ({}); if the type is meant, list all types in \
         `labels.names` of the description",
        clip(text), clip(entity_type), known.hint(entity_type)
    )]
    UnknownType {
        /// The type found.
        entity_type: String,
        /// One-based word of the sentence.
        word: usize,
        /// The word itself.
        text: String,
        /// The types known.
        known: Names,
    },
    /// A line of a file with gold and predicted tags has more or fewer columns than the first.
    #[error("the line has {found} columns, expected {expected} {as_in}{hint}")]
    ScoredColumnCount {
        /// Columns in this line.
        found: usize,
        /// Columns expected.
        expected: usize,
        /// The line that the expectation rests on.
        as_in: &'static str,
        /// A suspicion about the separator, or nothing.
        hint: &'static str,
    },
    /// A line of a file with gold and predicted tags ends before the column that holds them.
    #[error("the line has {found} columns, none at {needed} (counted from zero), where the {what} is to be{hint}")]
    NoScoredColumn {
        /// Columns in this line.
        found: usize,
        /// The content of the column: the gold tag or the predicted tag.
        what: &'static str,
        /// Its zero-based position.
        needed: usize,
        /// A suspicion about the separator, or nothing.
        hint: &'static str,
    },
    /// A gold or predicted tag that starts as no tag of any scheme does: most likely the wrong column.
    #[error(
        "`{}` in column {column} (counted from zero) is no tag; the {what} is `O` or a mark and a type, as in `B-person`; \
         is this the right column?",
        clip(tag)
    )]
    NotATag {
        /// The text found.
        tag: String,
        /// The content of the column: the gold tag or the predicted tag.
        what: &'static str,
        /// Its zero-based position.
        column: usize,
    },
}

/// Returns the way to go on despite a tag at the wrong place.
fn repair_hint(problem: &IllegalTag) -> &'static str {
    if problem.is_malformed() { "" } else { "; mend the file, or let illegal tags be repaired" }
}
