//! CoNLL column files: a word a line, its columns in any order, sentences separated by blank lines.
//!
//! Real files also hold: blank lines with stray spaces and tabs (blank all the same), `-DOCSTART-` lines (they
//! end a sentence and are not words), and comments. A comment is a line before a sentence that starts with `# ` and
//! lacks the columns asked for or has no tag in the tag's, or, where blanks separate columns, reads `# key = value`. A word
//! `#` with its tag is no comment. Where the words are behind a first column of numbers, as in CoNLL-U, the lines of ranges
//! and of empty nodes are no words.

use crate::choice::Separator;
use crate::column_ref::ColumnRef;
use crate::conll_line::{
    NO_PREDICTION, WordNumbers, field, fields, is_key_value_comment, looks_like_a_tag, separator_hint, starts_document,
};
use crate::error::DataError;
use crate::example::Content;
use crate::layout::Layout;
use crate::lines::LineReader;
use crate::record::{LineContent, Record, RecordLine};
use crate::row::{Fault, Purpose, Row, RowReader};
use crate::row_problem::{Place, RowProblem};
use crate::slice::TextPosition;
use crate::target::Target;
use crate::target_columns::RowTarget;

/// Longest sentence read, in words: more without a blank line is a file whose sentences are separated otherwise.
pub const MAX_SENTENCE_WORDS: usize = 100_000;

/// Sentences of a CoNLL file.
pub(crate) struct ConllRows {
    lines: LineReader,
    separator: Separator,
    columns: Positions,
    /// `-DOCSTART-` lines read so far.
    documents: u64,
    purpose: Purpose,
    /// The lines of the sentence last given, where they are kept.
    record: Vec<RecordLine>,
}

/// Zero-based positions of the columns asked for.
#[derive(Clone, Copy)]
struct Positions {
    words: usize,
    tags: Option<usize>,
}

/// The kind of a line.
enum LineKind<'a> {
    Blank,
    DocumentStart,
    Comment,
    /// A word and its tag, or why it has none.
    Word {
        word: &'a str,
        tag: Result<Option<&'a str>, RowProblem>,
    },
    /// A range or an empty node of CoNLL-U.
    NoWord,
    Bad(RowProblem),
}

impl ConllRows {
    /// Reads `lines`.
    pub fn open(layout: &Layout, lines: LineReader, purpose: Purpose) -> Self {
        let position = |column: &ColumnRef| match column {
            ColumnRef::Position(position) => *position,
            ColumnRef::Name(_) => unreachable!("the spec check demands positions for the columns of a CoNLL file"),
        };
        let words = layout.columns.words.as_ref().map(position).expect("the spec check demands words for tagging");
        Self {
            lines,
            separator: layout.separator,
            columns: Positions { words, tags: layout.columns.tags.as_ref().map(position) },
            documents: 0,
            purpose,
            record: Vec::new(),
        }
    }

    fn next_sentence(&mut self) -> Result<Option<Result<Row, Fault>>, DataError> {
        let path = self.lines.path().to_owned();
        let mut first_line = None;
        let (mut words, mut tags) = (Vec::new(), Vec::new());
        // The first word without a tag.
        let mut untagged = None;
        let mut bad = None;
        let mut length = 0;
        let mut document = self.documents;
        let mut numbers = WordNumbers::new();
        let mut no_words = Vec::new();
        self.record.clear();
        while let Some(line) = self.lines.next_line()? {
            let number = line.number;
            let kind = match line.text() {
                Ok(text) if self.purpose == Purpose::Learn => {
                    kind_of(text, self.separator, self.columns, first_line.is_none(), &mut numbers)
                }
                Ok(text) => kind_to_answer(text, self.separator, self.columns, first_line.is_none(), &mut numbers),
                Err(problem) => LineKind::Bad(problem),
            };
            if self.purpose == Purpose::Answer {
                let holds = match kind {
                    LineKind::Word { .. } | LineKind::Bad(_) => LineContent::Word,
                    LineKind::NoWord => LineContent::NoWord,
                    LineKind::Blank | LineKind::DocumentStart | LineKind::Comment => LineContent::Other,
                };
                self.record.push(RecordLine { bytes: line.bytes.to_vec(), ending: line.ending.to_vec(), holds });
            }
            match kind {
                LineKind::Comment => continue,
                LineKind::NoWord => {
                    if first_line.is_some() {
                        no_words.push(number);
                    }
                    continue;
                }
                LineKind::DocumentStart => {
                    self.documents += 1;
                    if first_line.is_some() {
                        break;
                    }
                    document = self.documents;
                    continue;
                }
                LineKind::Blank if first_line.is_none() => continue,
                LineKind::Blank => break,
                LineKind::Word { word, tag } => {
                    if bad.is_none() {
                        words.push(word.to_owned());
                        match tag {
                            Ok(tag) => tags.extend(tag.map(str::to_owned)),
                            Err(problem) => _ = untagged.get_or_insert((Place::Line(number), problem)),
                        }
                    }
                }
                LineKind::Bad(problem) => {
                    bad.get_or_insert(Fault::Bad { place: Place::Line(number), problem });
                }
            }
            let start = *first_line.get_or_insert(number);
            length += 1;
            if length > MAX_SENTENCE_WORDS {
                return Err(DataError::SentenceTooLong { path, line: start, limit: MAX_SENTENCE_WORDS });
            }
        }
        Ok(first_line.map(|line| match (bad, untagged) {
            (Some(fault), _) => Err(fault),
            // Some words have a tag: a line is broken.
            (None, Some((place, problem))) if !tags.is_empty() => Err(Fault::Bad { place, problem }),
            (None, untagged) => {
                let learned = self.columns.tags.filter(|_| self.purpose == Purpose::Learn);
                let target = untagged.map_or_else(|| Ok(learned.map(|_| RowTarget::Target(Target::Tags(tags)))), Err);
                Ok(Row { line, document, id: None, content: Content::Words(words), target, no_words })
            }
        }))
    }
}

impl RowReader for ConllRows {
    fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        self.next_sentence().unwrap_or_else(|error| Some(Err(Fault::Fatal(error))))
    }

    fn column(&self, key: &'static str) -> String {
        key.to_owned()
    }

    fn record(&mut self) -> Record {
        Record::Lines(std::mem::take(&mut self.record))
    }

    fn position(&self) -> Option<TextPosition> {
        Some(TextPosition { document: self.documents, ..TextPosition::of_lines(&self.lines) })
    }

    fn cr_ends_lines(&self) -> bool {
        self.lines.ends_with_cr()
    }

    fn resume(&mut self, position: TextPosition) {
        self.lines.resume(position.byte, position.line);
        self.documents = position.document;
    }
}

fn carriage_return(column: usize, value: &str) -> LineKind<'static> {
    LineKind::Bad(RowProblem::CarriageReturn { column, value: value.to_owned() })
}

/// Classifies a line by its look alone, whatever its columns are for; `None` for one that may hold a word.
fn kind_without_columns<'a>(
    text: &str,
    separator: Separator,
    columns: Positions,
    between_sentences: bool,
    numbers: &mut WordNumbers,
) -> Option<LineKind<'a>> {
    if text.trim().is_empty() {
        return Some(LineKind::Blank);
    }
    if starts_document(text) {
        return Some(LineKind::DocumentStart);
    }
    if between_sentences && separator != Separator::Tab && is_key_value_comment(text) {
        return Some(LineKind::Comment);
    }
    // What has a tag is a word, whatever its number.
    let has_tag = || columns.tags.and_then(|tags| field(text, separator, tags)).is_some_and(looks_like_a_tag);
    let may_be_number = columns.words > 0 && !text.starts_with('#');
    if may_be_number && numbers.is_no_word(field(text, separator, 0).unwrap_or("")) && !has_tag() {
        return Some(LineKind::NoWord);
    }
    None
}

/// Returns true if the line may be a comment of prose, which its columns decide.
fn may_be_comment(text: &str, between_sentences: bool) -> bool {
    between_sentences && text.starts_with("# ") && text.len() > 2
}

/// Classifies a line of a file to be answered. There may be no tags, so nothing is asked of them but to tell a word `#`
/// from a comment.
fn kind_to_answer<'a>(
    text: &'a str,
    separator: Separator,
    columns: Positions,
    between_sentences: bool,
    numbers: &mut WordNumbers,
) -> LineKind<'a> {
    if let Some(kind) = kind_without_columns(text, separator, columns, between_sentences, numbers) {
        return kind;
    }
    let comment = may_be_comment(text, between_sentences);
    let has_tag = || {
        let tag = match columns.tags {
            Some(position) => field(text, separator, position),
            None => fields(text, separator).last(),
        };
        tag.is_some_and(|tag| tag == NO_PREDICTION || looks_like_a_tag(tag))
    };
    match field(text, separator, columns.words) {
        Some("") => LineKind::Bad(RowProblem::Empty { column: format!("word (column {})", columns.words) }),
        Some(_) if comment && !has_tag() => LineKind::Comment,
        Some(word) => LineKind::Word { word, tag: Ok(None) },
        None if comment => LineKind::Comment,
        None => LineKind::Bad(RowProblem::TooFewColumns {
            found: fields(text, separator).count(),
            key: "words",
            needed: columns.words,
            hint: separator_hint(text, separator, columns.words),
        }),
    }
}

fn kind_of<'a>(
    text: &'a str,
    separator: Separator,
    columns: Positions,
    between_sentences: bool,
    numbers: &mut WordNumbers,
) -> LineKind<'a> {
    if let Some(kind) = kind_without_columns(text, separator, columns, between_sentences, numbers) {
        return kind;
    }
    let comment = may_be_comment(text, between_sentences);
    let word = field(text, separator, columns.words);
    let tag = columns.tags.map(|position| (position, field(text, separator, position)));
    let too_few = |key, needed| RowProblem::TooFewColumns {
        found: fields(text, separator).count(),
        key,
        needed,
        hint: separator_hint(text, separator, columns.words.max(columns.tags.unwrap_or(0))),
    };
    match (word, tag) {
        (Some(""), _) => LineKind::Bad(RowProblem::Empty { column: format!("word (column {})", columns.words) }),
        (Some(word), Some((position, Some("")))) => {
            LineKind::Word { word, tag: Err(RowProblem::Empty { column: format!("tag (column {position})") }) }
        }
        (Some(value), _) if value.contains('\r') => carriage_return(columns.words, value),
        (Some(_), Some((position, Some(value)))) if value.contains('\r') => carriage_return(position, value),
        (Some(word), None) => LineKind::Word { word, tag: Ok(None) },
        (Some(_), Some((_, Some(tag)))) if comment && !looks_like_a_tag(tag) => LineKind::Comment,
        (Some(word), Some((_, Some(tag)))) => LineKind::Word { word, tag: Ok(Some(tag)) },
        (None, _) | (_, Some((_, None))) if comment => LineKind::Comment,
        (None, _) => LineKind::Bad(too_few("words", columns.words)),
        (Some(word), Some((position, None))) => LineKind::Word { word, tag: Err(too_few("tags", position)) },
    }
}
