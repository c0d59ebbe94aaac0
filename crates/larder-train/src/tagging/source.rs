//! The source of word features: memory, or something larger.

use std::ops::Range;

use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::HeadColumn;

/// Words with their features, sentence by sentence.
///
/// Only [`read`](Self::read) touches features, a range of sentences at a time; lengths and classes of all sentences stay
/// in memory (a few bytes a word).
pub trait WordSource: Sync {
    /// The feature columns, in the order in which they lie side by side.
    fn columns(&self) -> &[HeadColumn];

    /// The number of words of each sentence, `[sentences]`; may be 0.
    fn sentence_lengths(&self) -> &[usize];

    /// The gold class of each word, in the numbering of the tag set, `[words]`; empty when unknown.
    fn classes(&self) -> &[usize];

    /// Appends the features of the words of `sentences` to `into`: float32 `[words, width]` in row-major order, the
    /// columns side by side. Room for them is reserved by the caller.
    ///
    /// # Errors
    /// Whatever the source meets: [`TrainError::Source`] carries it.
    fn read(&self, sentences: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError>;
}

/// Words whose features lie in memory.
#[derive(Debug, Clone)]
pub struct WordsInMemory {
    features: Vec<FeatureColumn>,
    columns: Vec<HeadColumn>,
    lengths: Vec<usize>,
    classes: Vec<usize>,
    starts: Vec<usize>,
}

impl WordsInMemory {
    /// Feature columns `[words, hidden_size]`, the sentences' lengths in words, and the words' gold classes `[words]`
    /// (empty when unknown).
    ///
    /// # Errors
    /// [`TrainError::NoColumns`], [`TrainError::DuplicateColumn`], [`TrainError::EmptyColumn`],
    /// [`TrainError::NonFinite`], [`TrainError::RowMismatch`] when a column has not one row a word, and
    /// [`TrainError::WordMismatch`] when there is not one class a word.
    pub fn new(
        features: Vec<FeatureColumn>,
        sentence_lengths: Vec<usize>,
        classes: Vec<usize>,
    ) -> Result<Self, TrainError> {
        let starts = starts(&sentence_lengths);
        let words = starts[sentence_lengths.len()];
        check_columns(&features.iter().collect::<Vec<_>>(), words)?;
        if !classes.is_empty() && classes.len() != words {
            return Err(TrainError::WordMismatch { found: classes.len(), expected: words });
        }
        let columns =
            features.iter().map(|column| HeadColumn { name: column.name.clone(), width: column.width() }).collect();
        Ok(Self { features, columns, lengths: sentence_lengths, classes, starts })
    }
}

impl WordSource for WordsInMemory {
    fn columns(&self) -> &[HeadColumn] {
        &self.columns
    }

    fn sentence_lengths(&self) -> &[usize] {
        &self.lengths
    }

    fn classes(&self) -> &[usize] {
        &self.classes
    }

    fn read(&self, sentences: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError> {
        for word in self.starts[sentences.start]..self.starts[sentences.end] {
            for column in &self.features {
                into.extend(column.values.row(word));
            }
        }
        Ok(())
    }
}

/// The first word of each sentence, and the number of words, `[sentences + 1]`.
fn starts(lengths: &[usize]) -> Vec<usize> {
    let mut starts = Vec::with_capacity(lengths.len() + 1);
    let mut words = 0;
    starts.push(0);
    for length in lengths {
        words += length;
        starts.push(words);
    }
    starts
}

/// A source, checked, with the places of its sentences.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a dyn WordSource,
    /// `[sentences + 1]`.
    pub(crate) starts: Vec<usize>,
    pub(crate) width: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a dyn WordSource) -> Result<Self, TrainError> {
        let columns = source.columns();
        if columns.is_empty() {
            return Err(TrainError::NoColumns);
        }
        for (position, column) in columns.iter().enumerate() {
            if column.width == 0 {
                return Err(TrainError::EmptyColumn { column: column.name.clone() });
            }
            if columns[..position].iter().any(|earlier| earlier.name == column.name) {
                return Err(TrainError::DuplicateColumn { column: column.name.clone() });
            }
        }
        let starts = starts(source.sentence_lengths());
        let reader = Self { source, starts, width: columns.iter().map(|column| column.width).sum() };
        let classes = source.classes().len();
        if classes > 0 && classes != reader.words() {
            return Err(TrainError::WordMismatch { found: classes, expected: reader.words() });
        }
        Ok(reader)
    }

    pub(crate) fn sentences(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn words(&self) -> usize {
        self.starts[self.sentences()]
    }

    /// The words of a range of sentences.
    pub(crate) fn words_of(&self, sentences: &Range<usize>) -> Range<usize> {
        self.starts[sentences.start]..self.starts[sentences.end]
    }

    /// All sentences in ranges of at most `words` words, or of one longer sentence.
    pub(crate) fn ranges(&self, sentences: Range<usize>, words: usize) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut first = sentences.start;
        for sentence in sentences.clone() {
            if self.starts[sentence + 1] - self.starts[first] > words && sentence > first {
                found.push(first..sentence);
                first = sentence;
            }
        }
        if first < sentences.end {
            found.push(first..sentences.end);
        }
        found
    }

    /// Appends the features of a range of sentences, and checks them.
    pub(crate) fn read(&self, sentences: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError> {
        let words = self.words_of(&sentences);
        let before = into.len();
        into.reserve_exact(words.len() * self.width);
        self.source.read(sentences, into)?;
        let found = into.len().saturating_sub(before);
        if found != words.len() * self.width {
            return Err(TrainError::WordMismatch { found: found / self.width, expected: words.len() });
        }
        if let Some(at) = into[before..].iter().position(|value| !value.is_finite()) {
            let (row, mut dimension) = (words.start + at / self.width, at % self.width);
            let mut columns = self.source.columns().iter();
            let column = loop {
                let column = columns.next().expect("dimensions are the columns'");
                match dimension.checked_sub(column.width) {
                    Some(rest) => dimension = rest,
                    None => break column.name.clone(),
                }
            };
            return Err(TrainError::NonFinite { column, row, dimension, value: into[before + at] });
        }
        Ok(())
    }
}
