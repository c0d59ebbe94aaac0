//! The texts of a tokens file: their lengths, and in how many each word is.

use std::collections::{HashMap, HashSet};

use arrow::array::AsArray;

use crate::file::{as_text, spans};
use crate::{InspectError, ParquetFile};

/// Rows that are read, evenly spread.
const ROWS: u64 = 100_000;

/// The texts of a tokens file.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Tokens of each text, special tokens included, `[rows]`.
    pub lengths: Vec<u64>,
    /// Words.
    pub words: WordCounts,
}

/// Texts that have a word, by word in lower case.
#[derive(Debug, Default)]
pub(super) struct WordCounts {
    /// Texts.
    pub texts: u64,
    /// Texts that have it.
    pub with: HashMap<String, u64>,
}

impl WordCounts {
    /// Counts a text. Words are runs of letters and digits.
    pub fn add<'a>(&mut self, pieces: impl Iterator<Item = &'a str>) {
        self.texts += 1;
        let mut seen = HashSet::new();
        for piece in pieces {
            let words = piece.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
            seen.extend(words.map(str::to_lowercase));
        }
        for word in seen {
            *self.with.entry(word).or_default() += 1;
        }
    }
}

impl Texts {
    /// Reads a tokens file.
    ///
    /// # Errors
    /// [`InspectError`], also for a file without token ids.
    pub fn read(file: &ParquetFile) -> Result<Self, InspectError> {
        let step = file.rows().div_ceil(ROWS).max(1);
        let mut texts = Self::default();
        let mut row = 0;
        file.each_batch("input_ids", None, |array| {
            for span in spans(array).map(|(_, spans)| spans).unwrap_or_default() {
                if row % step == 0 {
                    texts.lengths.push(span.map_or(0, |span| span.len() as u64));
                }
                row += 1;
            }
            Ok(())
        })?;
        // Of a pair the first text.
        for column in ["text", "words"].into_iter().filter(|column| file.has(column)) {
            let mut row = 0;
            file.each_batch(column, None, |array| {
                let lists = spans(array);
                let elements = lists.as_ref().map_or(array, |(elements, _)| elements);
                let Some(strings) = as_text(elements) else { return Ok(()) };
                let strings = strings.as_string::<i32>();
                for at in 0..array.len() {
                    let range = match &lists {
                        None => Some(at..at + 1),
                        Some((_, spans)) => spans[at].clone(),
                    };
                    if row % step == 0 {
                        let pieces = range.into_iter().flatten().map(|element| strings.value(element));
                        texts.words.add(pieces);
                    }
                    row += 1;
                }
                Ok(())
            })?;
        }
        Ok(texts)
    }
}
