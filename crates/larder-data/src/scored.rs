//! CoNLL column files with gold and predicted tags, as scorers read them.
//!
//! Blank lines, `-DOCSTART-` lines, comments, and the ranges and empty nodes of CoNLL-U are what they are in any CoNLL
//! file here. Tags are given as written, legal
//! or not, in whatever scheme: what to make of them is the scorer's business. Only a text that starts as no tag does is
//! refused, because it comes from the wrong column.

use std::path::{Path, PathBuf};

use crate::choice::Separator;
use crate::conll::MAX_SENTENCE_WORDS;
use crate::conll_line::{
    NO_PREDICTION, WordNumbers, fields, is_key_value_comment, looks_like_a_tag, separator_hint, starts_document,
};
use crate::error::DataError;
use crate::lines::LineReader;
use crate::row_problem::{Place, RowProblem};

/// The columns that hold the tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ScoredColumns {
    /// Gold in the last column but one, predicted in the last, as `conlleval` has it. Every line must have as many columns
    /// as the first, three at least: a line that lacks one would be read wrongly without notice.
    #[default]
    LastTwo,
    /// At zero-based positions.
    At {
        /// Column of the gold tags.
        gold: usize,
        /// Column of the predicted tags.
        predicted: usize,
    },
}

/// A sentence with its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredSentence {
    /// One-based line of the first word. Each word has a line, so that word `i` is on line `line + i` where no ranges of
    /// CoNLL-U stand between.
    pub line: u64,
    /// The words: the first column. At least one.
    pub words: Vec<String>,
    /// The gold tag of each word.
    pub gold: Vec<String>,
    /// The predicted tag of each word, [`NO_PREDICTION`] where there is none.
    pub predicted: Vec<String>,
}

/// Reads a file with gold and predicted tags, a sentence at a time, in constant memory. After an error it ends; a file
/// without any word is one.
#[derive(Debug)]
pub struct ScoredConll {
    lines: LineReader,
    columns: ScoredColumns,
    separator: Separator,
    /// Columns of the first line with a word.
    width: Option<usize>,
    done: bool,
}

/// The kind of a line.
enum LineKind<'a> {
    Separator,
    Comment,
    Word { word: &'a str, gold: &'a str, predicted: &'a str },
}

impl ScoredConll {
    /// Opens the file at `path`. [`Separator::Whitespace`] is right for nearly all files.
    ///
    /// # Errors
    /// [`DataError::Open`]; [`DataError::SameScoredColumn`] if both positions are one.
    pub fn open(path: &Path, columns: ScoredColumns, separator: Separator) -> Result<Self, DataError> {
        match columns {
            ScoredColumns::At { gold, predicted } if gold == predicted => {
                return Err(DataError::SameScoredColumn { path: path.to_owned(), column: gold.to_string() });
            }
            _ => {}
        }
        let file = larder_files::open(path).map_err(|source| DataError::Open { path: path.to_owned(), source })?;
        let lines = LineReader::new(path.to_owned(), file);
        Ok(Self { lines, columns, separator, width: None, done: false })
    }

    fn next_sentence(&mut self) -> Result<Option<ScoredSentence>, DataError> {
        let path: PathBuf = self.lines.path().to_owned();
        let mut sentence: Option<ScoredSentence> = None;
        let mut numbers = WordNumbers::new();
        while let Some(line) = self.lines.next_line()? {
            let number = line.number;
            let kind = line
                .text()
                .and_then(|text| {
                    let first = fields(text, self.separator).next().unwrap_or("");
                    let has_columns = !text.trim().is_empty() && !text.starts_with('#') && !starts_document(text);
                    let numbered = has_columns && numbers.is_no_word(first);
                    match kind_of(text, self.separator, self.columns, &mut self.width, sentence.is_none()) {
                        // Only where it is no word with tags: `1-2` is one in a report of a match.
                        Err(RowProblem::NotATag { tag, .. }) if numbered && tag == NO_PREDICTION => {
                            Ok(LineKind::Comment)
                        }
                        kind => kind,
                    }
                })
                .map_err(|problem| DataError::BadRow {
                    path: path.clone(),
                    place: Place::Line(number),
                    problem: Box::new(problem),
                })?;
            match kind {
                LineKind::Separator if sentence.is_some() => break,
                LineKind::Separator | LineKind::Comment => {}
                LineKind::Word { word, gold, predicted } => {
                    let sentence = sentence.get_or_insert_with(|| ScoredSentence {
                        line: number,
                        words: Vec::new(),
                        gold: Vec::new(),
                        predicted: Vec::new(),
                    });
                    if sentence.words.len() == MAX_SENTENCE_WORDS {
                        return Err(DataError::SentenceTooLong {
                            path,
                            line: sentence.line,
                            limit: MAX_SENTENCE_WORDS,
                        });
                    }
                    sentence.words.push(word.to_owned());
                    sentence.gold.push(gold.to_owned());
                    sentence.predicted.push(predicted.to_owned());
                }
            }
        }
        if sentence.is_none() && self.width.is_none() {
            return Err(DataError::Empty { path });
        }
        Ok(sentence)
    }
}

impl Iterator for ScoredConll {
    type Item = Result<ScoredSentence, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let sentence = self.next_sentence().transpose();
        self.done = !matches!(sentence, Some(Ok(_)));
        sentence
    }
}

fn kind_of<'a>(
    text: &'a str,
    separator: Separator,
    columns: ScoredColumns,
    width: &mut Option<usize>,
    between_sentences: bool,
) -> Result<LineKind<'a>, RowProblem> {
    if text.trim().is_empty() || starts_document(text) {
        return Ok(LineKind::Separator);
    }
    if between_sentences && separator != Separator::Tab && is_key_value_comment(text) {
        return Ok(LineKind::Comment);
    }
    match word_of(text, separator, columns, *width) {
        Ok((found, word)) => {
            width.get_or_insert(found);
            Ok(word)
        }
        // A word `#` has its columns and its tags; prose after a `#` has not.
        Err(_) if between_sentences && ["# ", "#\t"].iter().any(|mark| text.starts_with(mark)) => Ok(LineKind::Comment),
        Err(problem) => Err(problem),
    }
}

/// Returns the number of columns of the line, and the word and tags in it.
fn word_of(
    text: &str,
    separator: Separator,
    columns: ScoredColumns,
    width: Option<usize>,
) -> Result<(usize, LineKind<'_>), RowProblem> {
    let fields: Vec<&str> = fields(text, separator).collect();
    let found = fields.len();
    let (gold, predicted) = match (columns, width) {
        (ScoredColumns::At { gold, predicted }, _) => (gold, predicted),
        (ScoredColumns::LastTwo, Some(expected)) if found != expected => {
            let hint = separator_hint(text, separator, expected - 1);
            return Err(RowProblem::ScoredColumnCount { found, expected, as_in: "as in the first", hint });
        }
        (ScoredColumns::LastTwo, None) if found < 3 => {
            let as_in = "at least: a word, its gold tag and its predicted tag (or name the columns of the tags)";
            let hint = separator_hint(text, separator, 2);
            return Err(RowProblem::ScoredColumnCount { found, expected: 3, as_in, hint });
        }
        (ScoredColumns::LastTwo, _) => (found - 2, found - 1),
    };
    let column = |position: usize, what: &'static str| match fields.get(position) {
        None => {
            let hint = separator_hint(text, separator, position);
            Err(RowProblem::NoScoredColumn { found, what, needed: position, hint })
        }
        Some(&"") => Err(RowProblem::Empty { column: format!("{what} (column {position})") }),
        Some(field) => Ok(*field),
    };
    let tag = |position: usize, what: &'static str| {
        let tag = column(position, what)?;
        if looks_like_a_tag(tag) || (position == predicted && tag == NO_PREDICTION) {
            Ok(tag)
        } else {
            Err(RowProblem::NotATag { tag: tag.to_owned(), what, column: position })
        }
    };
    let word = LineKind::Word {
        gold: tag(gold, "gold tag")?,
        predicted: tag(predicted, "predicted tag")?,
        word: column(0, "word")?,
    };
    Ok((found, word))
}
