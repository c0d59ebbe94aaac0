//! Sentences of a CSV or TSV file with a word a row: rows of one sentence follow each other and have its id in a column,
//! all of them or the first alone.

use crate::delimited::DelimitedRows;
use crate::error::DataError;
use crate::example::Content;
use crate::layout::Layout;
use crate::lines::LineReader;
use crate::record::Record;
use crate::row::{Fault, Row, RowReader};
use crate::row_problem::{Place, RowProblem};
use crate::slice::TextPosition;
use crate::spec::Columns;
use crate::target::Target;
use crate::target_columns::RowTarget;

use crate::conll::MAX_SENTENCE_WORDS;

/// Sentences of a CSV or TSV file.
pub(crate) struct WordRows {
    /// A row a word: its text is the word, its second text the tag, its id that of the sentence.
    rows: DelimitedRows,
    path: std::path::PathBuf,
    has_tags: bool,
    /// The first row of the next sentence, and the place where it starts.
    next: Option<(WordRow, TextPosition)>,
}

/// One word with its tag, or what is wrong with its row.
struct WordRow {
    line: u64,
    sentence: String,
    content: Result<(String, Option<String>), (Place, RowProblem)>,
}

impl WordRows {
    /// Opens the file and finds the columns.
    pub fn open(layout: &Layout, lines: LineReader) -> Result<Self, DataError> {
        let path = lines.path().to_owned();
        let Columns { words, tags, sentence, .. } = layout.columns.clone();
        let has_tags = tags.is_some();
        let columns = Columns { text: words, text_b: tags, id: sentence, ..Columns::default() };
        let rows = DelimitedRows::open(&Layout { columns, targets: None, ..layout.clone() }, lines)?;
        Ok(Self { rows, path, has_tags, next: None })
    }

    /// The next row of the file, with the place where it starts; `None` at its end.
    fn next_word(&mut self) -> Result<Option<(WordRow, TextPosition)>, DataError> {
        let start = self.rows.position().unwrap_or_default();
        let row = match self.rows.next_row() {
            None => return Ok(None),
            Some(Err(Fault::Fatal(error))) => return Err(error),
            Some(Err(Fault::Bad { place, problem })) => {
                // Nothing tells its sentence: it spoils the one before it.
                WordRow { line: place.number(), sentence: String::new(), content: Err((place, problem)) }
            }
            Some(Ok(Row { line, id, content, .. })) => {
                let empty = |key| Err((Place::Line(line), RowProblem::Empty { column: self.rows.column(key) }));
                let content = match content {
                    Content::Text { text, .. } if text.trim().is_empty() => empty("text"),
                    Content::Text { text_b: Some(tag), .. } if tag.trim().is_empty() => empty("text_b"),
                    Content::Text { text, text_b } => Ok((text, text_b)),
                    Content::Words(_) => unreachable!("csv and tsv have texts"),
                };
                WordRow { line, sentence: id.unwrap_or_default().trim().to_owned(), content }
            }
        };
        Ok(Some((row, start)))
    }

    fn next_sentence(&mut self) -> Result<Option<Result<Row, Fault>>, DataError> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => self.next_word()?,
        };
        let Some((WordRow { line, sentence, content }, _)) = first else { return Ok(None) };
        let (mut words, mut tags, mut bad) = (Vec::new(), Vec::new(), None);
        let mut add = |content: Result<(String, Option<String>), (Place, RowProblem)>| match content {
            Ok((word, tag)) => {
                words.push(word);
                tags.extend(tag);
                words.len()
            }
            Err(problem) => {
                bad.get_or_insert(problem);
                words.len()
            }
        };
        add(content);
        while let Some((row, start)) = self.next_word()? {
            if !row.sentence.is_empty() && row.sentence != sentence {
                self.next = Some((row, start));
                break;
            }
            if add(row.content) > MAX_SENTENCE_WORDS {
                return Err(DataError::SentenceTooLong { path: self.path.clone(), line, limit: MAX_SENTENCE_WORDS });
            }
        }
        if let Some((place, problem)) = bad {
            return Ok(Some(Err(Fault::Bad { place, problem })));
        }
        let target = Ok(self.has_tags.then_some(RowTarget::Target(Target::Tags(tags))));
        let content = Content::Words(words);
        Ok(Some(Ok(Row { line, document: 0, id: None, content, target, inexact: None, no_words: Vec::new() })))
    }
}

impl RowReader for WordRows {
    fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        self.next_sentence().unwrap_or_else(|error| Some(Err(Fault::Fatal(error))))
    }

    fn column(&self, key: &'static str) -> String {
        self.rows.column(match key {
            "words" => "text",
            "tags" => "text_b",
            other => other,
        })
    }

    fn record(&mut self) -> Record {
        self.rows.record()
    }

    fn header(&self) -> Option<&[String]> {
        self.rows.header()
    }

    fn position(&self) -> Option<TextPosition> {
        self.next.as_ref().map_or_else(|| self.rows.position(), |(_, start)| Some(*start))
    }

    fn cr_ends_lines(&self) -> bool {
        self.rows.cr_ends_lines()
    }

    fn resume(&mut self, position: TextPosition) {
        self.rows.resume(position);
    }
}
