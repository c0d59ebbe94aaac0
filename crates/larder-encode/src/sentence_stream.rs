//! The tokens file sentence by sentence, with its neighbours of the same document.

use std::collections::VecDeque;

use larder_data::{Target, TargetKind};
use larder_store::{StoreError, TextAlone, TokensBatch, TokensReader};
use larder_tokens::own_tokens;

use crate::unit::Sentence;

/// One row of the tokens file, as much of it as was read.
#[derive(Debug, Default)]
pub(crate) struct TokenizedRow {
    pub(crate) example_id: String,
    pub(crate) target: Option<Target>,
    pub(crate) words: Vec<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) document: u64,
    pub(crate) input_ids: Vec<i32>,
    pub(crate) type_ids: Vec<i32>,
    pub(crate) pair: bool,
    pub(crate) word_ids: Vec<i32>,
    pub(crate) texts_alone: Option<[TextAlone; 2]>,
}

impl TokenizedRow {
    fn of(batch: &TokensBatch, row: usize, pair: bool) -> Self {
        Self {
            example_id: batch.example_id(row).to_owned(),
            target: batch.targets().get(row),
            words: batch.words(row).map(str::to_owned).collect(),
            tags: batch.tags(row).map(|tags| tags.map(str::to_owned).collect()),
            document: batch.document(row).unwrap_or(0),
            input_ids: batch.input_ids(row).to_vec(),
            type_ids: batch.type_ids(row).unwrap_or_default().to_vec(),
            pair,
            word_ids: batch.word_ids(row).to_vec(),
            texts_alone: batch.texts_alone(row),
        }
    }

    pub(crate) fn sentence(&self) -> Sentence<'_> {
        let Self { input_ids, type_ids, word_ids, words, pair, texts_alone, .. } = self;
        Sentence { input_ids, type_ids, pair: *pair, word_ids, words: words.len(), alone: texts_alone.as_ref() }
    }

    /// Token ids without the special tokens at both ends.
    fn own_ids(&self) -> &[i32] {
        &self.input_ids[own_tokens(&self.word_ids)]
    }
}

/// Goes through a tokens file and holds the current row between the neighbours that are read with it.
pub(crate) struct SentenceStream {
    reader: TokensReader,
    batch: Option<(TokensBatch, usize)>,
    rows: VecDeque<TokenizedRow>,
    /// The current row in `rows`; `None` before the first.
    at: Option<usize>,
    /// Tokens of neighbours held on each side; 0 holds none.
    context: usize,
}

impl SentenceStream {
    pub(crate) fn new(reader: TokensReader, context: usize) -> Self {
        Self { reader, batch: None, rows: VecDeque::new(), at: None, context }
    }

    /// Returns the kind of the targets in the file.
    pub(crate) fn targets(&self) -> TargetKind {
        self.reader.layout().targets
    }

    /// Goes on to the next row; `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, StoreError> {
        let at = self.at.map_or(0, |at| at + 1);
        if at >= self.rows.len() && !self.pull()? {
            return Ok(false);
        }
        let document = self.rows[at].document;
        let mut right: usize = self.rows.iter().skip(at + 1).map(|row| row.own_ids().len()).sum();
        // A row of the next document is held too, at most one: that there is no more of this one must be seen.
        while right < self.context && self.rows.back().is_some_and(|row| row.document == document) && self.pull()? {
            right += self.rows.back().map_or(0, |row| row.own_ids().len());
        }
        let held = self.before(at).len();
        self.rows.drain(..at - held);
        self.at = Some(held);
        Ok(true)
    }

    /// The current row.
    pub(crate) fn row(&self) -> Option<&TokenizedRow> {
        self.rows.get(self.at?)
    }

    /// The current row. What its neighbours do not read may be taken out of it: all but its tokens.
    pub(crate) fn row_mut(&mut self) -> Option<&mut TokenizedRow> {
        self.rows.get_mut(self.at?)
    }

    /// The own tokens of the current row's neighbours, before and behind, the nearest first.
    pub(crate) fn neighbours(&self) -> (Vec<&[i32]>, Vec<&[i32]>) {
        let Some(at) = self.at else { return (Vec::new(), Vec::new()) };
        let document = self.rows[at].document;
        let after = self.rows.iter().skip(at + 1).take_while(|row| row.document == document);
        (self.before(at), enough(after.map(TokenizedRow::own_ids), self.context))
    }

    fn before(&self, at: usize) -> Vec<&[i32]> {
        let document = self.rows[at].document;
        let before = self.rows.iter().take(at).rev().take_while(|row| row.document == document);
        enough(before.map(TokenizedRow::own_ids), self.context)
    }

    /// Reads one more row; `false` at the end of the file.
    fn pull(&mut self) -> Result<bool, StoreError> {
        loop {
            if let Some((batch, next)) = &mut self.batch
                && *next < batch.len()
            {
                self.rows.push_back(TokenizedRow::of(batch, *next, self.reader.is_pair()));
                *next += 1;
                return Ok(true);
            }
            match self.reader.next() {
                Some(batch) => self.batch = Some((batch?, 0)),
                None => return Ok(false),
            }
        }
    }
}

/// The nearest sentences that together have `tokens` tokens, or all there are.
pub(crate) fn enough<'a>(sentences: impl Iterator<Item = &'a [i32]>, tokens: usize) -> Vec<&'a [i32]> {
    let mut held = 0;
    sentences
        .take_while(|sentence| {
            let wanted = held < tokens;
            held += sentence.len();
            wanted
        })
        .collect()
}
