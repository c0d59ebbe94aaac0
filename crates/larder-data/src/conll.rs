//! CoNLL column files: a word a line, its columns in any order, sentences separated by blank lines.
//!
//! What real files hold besides: blank lines with stray spaces and tabs (blank all the same), `-DOCSTART-` lines (they
//! end a sentence and are not words), and comments. A comment is a line before a sentence that starts with `# ` and
//! lacks the columns asked for or has no tag in the tag's, or, where blanks separate columns, reads `# key = value`. A word
//! `#` with its tag is no comment.

use std::fs::File;
use std::path::PathBuf;

use crate::choice::Separator;
use crate::conll_line::{field, fields, is_key_value_comment, looks_like_a_tag, separator_hint, starts_document};
use crate::error::DataError;
use crate::example::{Content, Target};
use crate::lines::LineReader;
use crate::reader::{Fault, Row, Rows};
use crate::row_problem::{Place, RowProblem};
use crate::spec::{ColumnRef, DatasetSpec};

/// Longest sentence read, in words: more without a blank line is a file whose sentences are separated otherwise.
pub const MAX_SENTENCE_WORDS: usize = 100_000;

/// Sentences of a CoNLL file.
pub(crate) struct ConllRows {
    lines: LineReader,
    separator: Separator,
    columns: Positions,
    /// `-DOCSTART-` lines read so far.
    documents: u64,
}

/// Zero-based positions of the columns asked for.
#[derive(Clone, Copy)]
struct Positions {
    words: usize,
    tags: Option<usize>,
}

/// What a line is.
enum Kind<'a> {
    Blank,
    DocumentStart,
    Comment,
    Word { word: &'a str, tag: Option<&'a str> },
    Bad(RowProblem),
}

impl ConllRows {
    /// Reads `file`, which is at `path`.
    pub fn open(spec: &DatasetSpec, path: PathBuf, file: File) -> Result<Self, DataError> {
        let position = |column: &ColumnRef| match column {
            ColumnRef::Position(position) => *position,
            ColumnRef::Name(_) => unreachable!("the spec check demands positions for the columns of a CoNLL file"),
        };
        let words = spec.columns.words.as_ref().map(position).expect("the spec check demands words for tagging");
        Ok(Self {
            lines: LineReader::new(path, file),
            separator: spec.separator,
            columns: Positions { words, tags: spec.columns.tags.as_ref().map(position) },
            documents: 0,
        })
    }

    fn next_sentence(&mut self) -> Result<Option<Result<Row, Fault>>, DataError> {
        let path = self.lines.path().to_owned();
        let mut first_line = None;
        let (mut words, mut tags) = (Vec::new(), Vec::new());
        let mut bad = None;
        let mut length = 0;
        let mut document = self.documents;
        while let Some(line) = self.lines.next_line()? {
            let number = line.number;
            let kind = match line.text() {
                Ok(text) => kind_of(text, self.separator, self.columns, first_line.is_none()),
                Err(problem) => Kind::Bad(problem),
            };
            match kind {
                Kind::Comment => continue,
                Kind::DocumentStart => {
                    self.documents += 1;
                    if first_line.is_some() {
                        break;
                    }
                    document = self.documents;
                    continue;
                }
                Kind::Blank if first_line.is_none() => continue,
                Kind::Blank => break,
                Kind::Word { word, tag } => {
                    if bad.is_none() {
                        words.push(word.to_owned());
                        tags.extend(tag.map(str::to_owned));
                    }
                }
                Kind::Bad(problem) => {
                    bad.get_or_insert(Fault::Bad { place: Place::Line(number), problem });
                }
            }
            let start = *first_line.get_or_insert(number);
            length += 1;
            if length > MAX_SENTENCE_WORDS {
                return Err(DataError::SentenceTooLong { path, line: start, limit: MAX_SENTENCE_WORDS });
            }
        }
        Ok(first_line.map(|line| match bad {
            Some(fault) => Err(fault),
            None => {
                let target = self.columns.tags.map(|_| Target::Tags(tags));
                Ok(Row { line, document, id: None, content: Content::Words(words), target })
            }
        }))
    }
}

impl Rows for ConllRows {
    fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        self.next_sentence().unwrap_or_else(|error| Some(Err(Fault::Fatal(error))))
    }

    fn column(&self, key: &'static str) -> String {
        key.to_owned()
    }
}

fn carriage_return(column: usize, value: &str) -> Kind<'static> {
    Kind::Bad(RowProblem::CarriageReturn { column, value: value.to_owned() })
}

fn kind_of(text: &str, separator: Separator, columns: Positions, between_sentences: bool) -> Kind<'_> {
    if text.trim().is_empty() {
        return Kind::Blank;
    }
    if starts_document(text) {
        return Kind::DocumentStart;
    }
    if between_sentences && separator != Separator::Tab && is_key_value_comment(text) {
        return Kind::Comment;
    }
    let comment = between_sentences && text.starts_with("# ") && text.len() > 2;
    let word = field(text, separator, columns.words);
    let tag = columns.tags.map(|position| (position, field(text, separator, position)));
    let (key, needed) = match (word, tag) {
        (Some(""), _) => return Kind::Bad(RowProblem::Empty { column: format!("word (column {})", columns.words) }),
        (Some(_), Some((position, Some("")))) => {
            return Kind::Bad(RowProblem::Empty { column: format!("tag (column {position})") });
        }
        (Some(value), _) if value.contains('\r') => return carriage_return(columns.words, value),
        (Some(_), Some((position, Some(value)))) if value.contains('\r') => return carriage_return(position, value),
        (Some(word), None) => return Kind::Word { word, tag: None },
        (Some(_), Some((_, Some(tag)))) if comment && !looks_like_a_tag(tag) => return Kind::Comment,
        (Some(word), Some((_, Some(tag)))) => return Kind::Word { word, tag: Some(tag) },
        (None, _) => ("words", columns.words),
        (_, Some((position, None))) => ("tags", position),
    };
    if comment {
        return Kind::Comment;
    }
    Kind::Bad(RowProblem::TooFewColumns {
        found: fields(text, separator).count(),
        key,
        needed,
        hint: separator_hint(text, separator, columns.words.max(columns.tags.unwrap_or(0))),
    })
}
