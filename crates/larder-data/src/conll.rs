//! CoNLL column files: a word a line, its columns in any order, sentences separated by blank lines.
//!
//! Real files also hold: blank lines with stray spaces and tabs (blank all the same), `-DOCSTART-` lines (they
//! end a sentence and are not words), and comments. A comment is a line before a sentence whose first column is `#` and which
//! lacks the columns asked for or has no tag in the tag's, or, where blanks separate columns, reads `# key = value`. Inside of a
//! sentence it reads so and lacks a column. A word `#` with its tag is no comment. Where the words are behind a first column of
//! numbers, as in CoNLL-U, the lines of ranges and of empty nodes are no words. A word whose column `MISC` says `EndOfSentence`, as in
//! HIPE's files, is the last of its sentence. The first line that is neither blank nor a
//! comment may name the columns.

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
use crate::tag_style::{MarkPlace, TagStyle};
use crate::target::Target;
use crate::target_columns::RowTarget;

/// Longest sentence read, in words: more without a blank line is a file whose sentences are separated otherwise.
pub const MAX_SENTENCE_WORDS: usize = 100_000;

/// Sentences of a CoNLL file.
pub(crate) struct ConllRows {
    lines: LineReader,
    format: LineFormat,
    /// `-DOCSTART-` lines read so far.
    documents: u64,
    purpose: Purpose,
    /// The lines up to the header, until a sentence was given.
    header: Vec<RecordLine>,
    /// The lines of the sentence last given, where they are kept.
    record: Vec<RecordLine>,
}

/// The columns of a line that holds a word.
struct LineFormat {
    separator: Separator,
    /// Zero-based position of the words.
    words: usize,
    /// Zero-based position of the tags.
    tags: Option<usize>,
    tag_style: TagStyle,
    /// Zero-based position of remarks, which may say that a sentence ends.
    remarks: Option<usize>,
}

/// The column of remarks in files of the HIPE campaigns, as their header calls it.
const REMARKS: &str = "MISC";

/// What it says of the last word of a sentence, among other things between `|`. Such files have no blank lines between sentences.
const SENTENCE_ENDS: &str = "EndOfSentence";

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
    /// Reads `lines`; of a file with a header, up to that.
    pub fn open(layout: &Layout, lines: LineReader, purpose: Purpose) -> Result<Self, DataError> {
        let path = lines.path().to_owned();
        let mut lines = lines;
        let (names, header) = match layout.header {
            true => read_header(&mut lines, layout.separator)?,
            false => (None, Vec::new()),
        };
        let position = |column: &ColumnRef| match (&names, column) {
            (Some(names), column) => column.find(names, &path),
            (None, ColumnRef::Position(position)) => Ok(*position),
            (None, ColumnRef::Name(_)) => unreachable!("the spec check demands positions without a header"),
        };
        let words = layout.columns.words.as_ref().map(position).expect("the spec check demands words for tagging")?;
        let format = LineFormat {
            separator: layout.separator,
            words,
            tags: layout.columns.tags.as_ref().map(position).transpose()?,
            tag_style: layout.tag_style.clone(),
            remarks: names.iter().flatten().position(|name| name == REMARKS),
        };
        Ok(Self { lines, format, documents: 0, purpose, header, record: Vec::new() })
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
        self.record = std::mem::take(&mut self.header);
        while let Some(line) = self.lines.next_line()? {
            let number = line.number;
            let kind = match line.text() {
                Ok(text) => self.format.kind_of(text, self.purpose, first_line.is_none(), &mut numbers),
                Err(problem) => LineKind::Bad(problem),
            };
            let ends_sentence = line.text().is_ok_and(|text| self.format.ends_sentence(text));
            if self.purpose == Purpose::Answer {
                let holds = match kind {
                    LineKind::Word { .. } | LineKind::Bad(_) => LineContent::Word,
                    LineKind::NoWord => LineContent::NoWord,
                    LineKind::Blank | LineKind::DocumentStart | LineKind::Comment => LineContent::Other,
                };
                self.record.push(RecordLine { bytes: line.bytes.to_vec(), ending: line.ending.to_vec(), holds });
            }
            match kind {
                LineKind::Comment | LineKind::NoWord => {
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
            if ends_sentence {
                break;
            }
        }
        Ok(first_line.map(|line| match (bad, untagged) {
            (Some(fault), _) => Err(fault),
            // Some words have a tag: a line is broken.
            (None, Some((place, problem))) if !tags.is_empty() => Err(Fault::Bad { place, problem }),
            (None, untagged) => {
                let learned = self.format.tags.filter(|_| self.purpose == Purpose::Learn);
                let target = untagged.map_or_else(|| Ok(learned.map(|_| RowTarget::Target(Target::Tags(tags)))), Err);
                Ok(Row { line, document, id: None, content: Content::Words(words), target, inexact: None, no_words })
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

/// Reads the lines of a file up to its header, and the names of the columns in it. A comment `# global.columns = A B` is
/// the header of a CoNLL-U Plus file.
fn read_header(
    lines: &mut LineReader,
    separator: Separator,
) -> Result<(Option<Vec<String>>, Vec<RecordLine>), DataError> {
    let path = lines.path().to_owned();
    let mut record = Vec::new();
    while let Some(line) = lines.next_line()? {
        let text = line.text().map_err(|problem| DataError::BadRow {
            path: path.clone(),
            place: Place::Line(line.number),
            problem: Box::new(problem),
        })?;
        let listed = text.strip_prefix("# global.columns =");
        let is_header = listed.is_some() || !(text.trim().is_empty() || text.starts_with('#'));
        let holds = match listed {
            None if is_header => LineContent::Header,
            _ => LineContent::Other,
        };
        record.push(RecordLine { bytes: line.bytes.to_vec(), ending: line.ending.to_vec(), holds });
        if is_header {
            let names = match listed {
                Some(names) => names.split_whitespace().map(str::to_owned).collect(),
                None => fields(text, separator).map(|name| name.trim().to_owned()).collect(),
            };
            return Ok((Some(names), record));
        }
    }
    Err(DataError::Empty { path })
}

fn carriage_return(column: usize, value: &str) -> LineKind<'static> {
    LineKind::Bad(RowProblem::CarriageReturn { column, value: value.to_owned() })
}

/// The reasons by which a line is a comment.
#[derive(Clone, Copy)]
struct MayBeComment {
    /// It has no tag in the tag's column.
    without_tag: bool,
    /// It lacks a column.
    without_column: bool,
}

impl MayBeComment {
    fn of(text: &str, between_sentences: bool) -> Self {
        let is_marked = ["# ", "#\t"].iter().any(|mark| text.starts_with(mark)) && text.len() > 2;
        let without_tag = is_marked && between_sentences;
        Self { without_tag, without_column: without_tag || (is_marked && is_key_value_comment(text)) }
    }
}

impl LineFormat {
    /// Classifies a line by its look alone, whatever its columns are for; `None` for one that may hold a word.
    fn kind_without_columns<'a>(
        &self,
        text: &str,
        between_sentences: bool,
        numbers: &mut WordNumbers,
    ) -> Option<LineKind<'a>> {
        if text.trim().is_empty() {
            return Some(LineKind::Blank);
        }
        if starts_document(text) {
            return Some(LineKind::DocumentStart);
        }
        if between_sentences && self.separator != Separator::Tab && is_key_value_comment(text) {
            return Some(LineKind::Comment);
        }
        // What has a tag is a word, whatever its number.
        let has_tag =
            || self.tags.and_then(|tags| field(text, self.separator, tags)).is_some_and(|tag| self.is_tag(tag));
        let may_be_number = self.words > 0 && !text.starts_with('#');
        if may_be_number && numbers.is_no_word(field(text, self.separator, 0).unwrap_or("")) && !has_tag() {
            return Some(LineKind::NoWord);
        }
        None
    }

    /// Returns true if the line's remarks say that a sentence ends with it.
    fn ends_sentence(&self, text: &str) -> bool {
        let remarks = self.remarks.and_then(|position| field(text, self.separator, position));
        remarks.is_some_and(|remarks| remarks.split('|').any(|remark| remark == SENTENCE_ENDS))
    }

    /// Returns true if the text looks like a tag. Where tags are types alone, that is one outside of all entities.
    fn is_tag(&self, text: &str) -> bool {
        let read = self.tag_style.read(text);
        if self.tag_style.mark == MarkPlace::None { read == "O" } else { looks_like_a_tag(&read) }
    }

    fn kind_of<'a>(
        &self,
        text: &'a str,
        purpose: Purpose,
        between_sentences: bool,
        numbers: &mut WordNumbers,
    ) -> LineKind<'a> {
        let comment = MayBeComment::of(text, between_sentences);
        match (self.kind_without_columns(text, between_sentences, numbers), purpose) {
            (Some(kind), _) => kind,
            (None, Purpose::Learn) => self.kind_to_learn(text, comment),
            (None, Purpose::Answer) => self.kind_to_answer(text, comment),
        }
    }

    /// Classifies a line of a file to be answered. There may be no tags, so nothing is asked of them but to tell a word `#`
    /// from a comment.
    fn kind_to_answer<'a>(&self, text: &'a str, comment: MayBeComment) -> LineKind<'a> {
        let has_tag = || {
            let tag = match self.tags {
                Some(position) => field(text, self.separator, position),
                None => fields(text, self.separator).last(),
            };
            tag.is_some_and(|tag| tag == NO_PREDICTION || self.is_tag(tag))
        };
        match field(text, self.separator, self.words) {
            Some("") => LineKind::Bad(RowProblem::Empty { column: format!("word (column {})", self.words) }),
            Some(_) if comment.without_tag && !has_tag() => LineKind::Comment,
            Some(_)
                if comment.without_column
                    && self.tags.is_some_and(|tags| field(text, self.separator, tags).is_none()) =>
            {
                LineKind::Comment
            }
            Some(word) => LineKind::Word { word, tag: Ok(None) },
            None if comment.without_column => LineKind::Comment,
            None => LineKind::Bad(RowProblem::TooFewColumns {
                found: fields(text, self.separator).count(),
                key: "words",
                needed: self.words,
                hint: separator_hint(text, self.separator, self.words),
            }),
        }
    }

    fn kind_to_learn<'a>(&self, text: &'a str, comment: MayBeComment) -> LineKind<'a> {
        let word = field(text, self.separator, self.words);
        let tag = self.tags.map(|position| (position, field(text, self.separator, position)));
        let too_few = |key, needed| RowProblem::TooFewColumns {
            found: fields(text, self.separator).count(),
            key,
            needed,
            hint: separator_hint(text, self.separator, self.words.max(self.tags.unwrap_or(0))),
        };
        match (word, tag) {
            (Some(""), _) => LineKind::Bad(RowProblem::Empty { column: format!("word (column {})", self.words) }),
            (Some(word), Some((position, Some("")))) => {
                LineKind::Word { word, tag: Err(RowProblem::Empty { column: format!("tag (column {position})") }) }
            }
            (Some(value), _) if value.contains('\r') => carriage_return(self.words, value),
            (Some(_), Some((position, Some(value)))) if value.contains('\r') => carriage_return(position, value),
            (Some(word), None) => LineKind::Word { word, tag: Ok(None) },
            (Some(_), Some((_, Some(tag)))) if comment.without_tag && !self.is_tag(tag) => LineKind::Comment,
            (Some(word), Some((_, Some(tag)))) => LineKind::Word { word, tag: Ok(Some(tag)) },
            (None, _) | (_, Some((_, None))) if comment.without_column => LineKind::Comment,
            (None, _) => LineKind::Bad(too_few("words", self.words)),
            (Some(word), Some((position, None))) => LineKind::Word { word, tag: Err(too_few("tags", position)) },
        }
    }
}
