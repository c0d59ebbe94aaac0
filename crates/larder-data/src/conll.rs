//! CoNLL column files: a word a line, its columns in any order, sentences separated by blank lines.
//!
//! What real files hold besides: blank lines with stray spaces and tabs (blank all the same), `-DOCSTART-` lines (they
//! end a sentence and are not words), and comments. A comment is a line before a sentence that starts with `# ` and
//! lacks the columns asked for, or, where blanks separate columns, reads `# key = value`. A word `#` is no comment.

use std::fs::File;
use std::path::PathBuf;

use crate::choice::Separator;
use crate::error::{DataError, Place, RowProblem};
use crate::example::{Content, Target};
use crate::lines::LineReader;
use crate::reader::{Fault, Row, Rows};
use crate::spec::{ColumnRef, DatasetSpec};

/// Longest sentence read, in words: more without a blank line is a file whose sentences are separated otherwise.
pub const MAX_SENTENCE_WORDS: usize = 100_000;

const DOCUMENT_START: &str = "-DOCSTART-";

/// Sentences of a CoNLL file.
pub(crate) struct ConllRows {
    lines: LineReader,
    separator: Separator,
    words_column: usize,
    tags_column: usize,
}

/// What a line is.
enum Kind<'a> {
    Blank,
    Comment,
    Word { word: &'a str, tag: &'a str },
    Bad(RowProblem),
}

impl ConllRows {
    /// Reads `file`, which is at `path`.
    pub fn open(spec: &DatasetSpec, path: PathBuf, file: File) -> Result<Self, DataError> {
        let position = |column: &Option<ColumnRef>| match column {
            Some(ColumnRef::Position(position)) => *position,
            _ => unreachable!("the spec check demands positions for words and tags of a CoNLL file"),
        };
        Ok(Self {
            lines: LineReader::new(path, file),
            separator: spec.separator,
            words_column: position(&spec.columns.words),
            tags_column: position(&spec.columns.tags),
        })
    }

    fn next_sentence(&mut self) -> Result<Option<Result<Row, Fault>>, DataError> {
        let path = self.lines.path().to_owned();
        let mut first_line = None;
        let (mut words, mut tags) = (Vec::new(), Vec::new());
        let mut bad = None;
        let mut length = 0;
        while let Some(line) = self.lines.next_line()? {
            let number = line.number;
            let kind = match line.text() {
                Ok(text) => kind_of(text, self.separator, self.words_column, self.tags_column, first_line.is_none()),
                Err(problem) => Kind::Bad(problem),
            };
            match kind {
                Kind::Comment => continue,
                Kind::Blank if first_line.is_none() => continue,
                Kind::Blank => break,
                Kind::Word { word, tag } => {
                    if bad.is_none() {
                        words.push(word.to_owned());
                        tags.push(tag.to_owned());
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
            None => Ok(Row { line, id: None, content: Content::Words(words), target: Some(Target::Tags(tags)) }),
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

fn kind_of(
    text: &str,
    separator: Separator,
    words_column: usize,
    tags_column: usize,
    between_sentences: bool,
) -> Kind<'_> {
    if text.trim().is_empty() || starts_document(text) {
        return Kind::Blank;
    }
    if between_sentences && separator != Separator::Tab && is_key_value_comment(text) {
        return Kind::Comment;
    }
    let missing = match (field(text, separator, words_column), field(text, separator, tags_column)) {
        (Some(word), Some(tag)) => {
            return match (word.is_empty(), tag.is_empty()) {
                (true, _) => Kind::Bad(RowProblem::Empty { column: format!("word (column {words_column})") }),
                (_, true) => Kind::Bad(RowProblem::Empty { column: format!("tag (column {tags_column})") }),
                _ => Kind::Word { word, tag },
            };
        }
        (None, _) => ("words", words_column),
        (_, None) => ("tags", tags_column),
    };
    if between_sentences && text.starts_with("# ") && text.len() > 2 {
        return Kind::Comment;
    }
    let (key, needed) = missing;
    Kind::Bad(RowProblem::TooFewColumns {
        found: fields(text, separator).count(),
        key,
        needed,
        hint: separator_hint(text, separator, words_column.max(tags_column)),
    })
}

fn starts_document(text: &str) -> bool {
    text.strip_prefix(DOCUMENT_START).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// `# sent_id = 12`, as CoNLL-U writes it.
fn is_key_value_comment(text: &str) -> bool {
    let key = text.strip_prefix('#').map(str::trim_start).and_then(|rest| rest.split_once(" = "));
    key.is_some_and(|(key, _)| {
        !key.is_empty() && key.chars().all(|character| character.is_ascii_alphanumeric() || "_.-".contains(character))
    })
}

fn field(text: &str, separator: Separator, position: usize) -> Option<&str> {
    fields(text, separator).nth(position)
}

/// The columns of a line; blanks around a column are not part of it.
fn fields(text: &str, separator: Separator) -> Box<dyn Iterator<Item = &str> + '_> {
    match separator {
        Separator::Tab => Box::new(text.split('\t').map(|field| field.trim_matches(' '))),
        Separator::Space => Box::new(text.split(' ')),
        // Only blanks: a no-break space may be a word of its own.
        Separator::Whitespace => Box::new(text.split([' ', '\t']).filter(|field| !field.is_empty())),
    }
}

/// A suspicion, if the line has enough columns under another separator.
fn separator_hint(text: &str, separator: Separator, last_column: usize) -> &'static str {
    let fits = |other| other != separator && field(text, other, last_column).is_some_and(|value| !value.is_empty());
    if fits(Separator::Tab) {
        "; there are tabs, is `separator = \"tab\"` meant?"
    } else if fits(Separator::Space) {
        "; there are spaces, is `separator = \"space\"` meant?"
    } else if fits(Separator::Whitespace) {
        "; there are blanks, is `separator = \"whitespace\"` meant?"
    } else {
        ""
    }
}
