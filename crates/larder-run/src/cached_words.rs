//! Word vectors of a split, read from its features file a few sentences at a time.

use std::ops::Range;

use larder_data::LabelMap;
use larder_store::FeaturesFile;
use larder_train::{HeadColumn, TrainError, WordSource};

use crate::RunError;

/// The words of a features file, grouped into sentences. Memory holds one length per sentence and one class per word; vectors
/// are read when needed.
#[derive(Debug)]
pub(crate) struct CachedWords<'a> {
    file: &'a FeaturesFile,
    columns: Vec<HeadColumn>,
    lengths: Vec<usize>,
    /// First row of each sentence, and one past the last row.
    starts: Vec<usize>,
    classes: Vec<usize>,
}

impl<'a> CachedWords<'a> {
    /// Selects the vector columns named `columns`, in that order, and groups words by `position`, which starts at 0 in each
    /// sentence.
    ///
    /// # Errors
    /// [`RunError::Store`] for a column that does not exist; [`RunError::BrokenSentences`] where a word is missing
    /// in the middle of a sentence.
    pub(crate) fn new(file: &'a FeaturesFile, columns: &[String]) -> Result<Self, RunError> {
        let columns = columns
            .iter()
            .map(|name| Ok(HeadColumn { name: name.clone(), width: file.width(&[name])? }))
            .collect::<Result<_, RunError>>()?;
        let mut starts = Vec::new();
        let mut expected = 0;
        let positions = file.positions()?;
        for (row, &position) in positions.iter().enumerate() {
            if position == 0 {
                starts.push(row);
                expected = 0;
            }
            if position != expected {
                let features = file.path().to_path_buf();
                return Err(RunError::BrokenSentences { features, row, found: position, expected });
            }
            expected += 1;
        }
        starts.push(positions.len());
        let lengths = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        Ok(Self { file, columns, lengths, starts, classes: Vec::new() })
    }

    /// Adds the gold class of every word, numbered by `labels`.
    ///
    /// # Errors
    /// [`RunError::NoLabel`] and [`RunError::UnknownLabel`] with the row.
    pub(crate) fn with_gold(mut self, labels: &LabelMap) -> Result<Self, RunError> {
        let mut classes = Vec::with_capacity(self.file.rows());
        let mut failed = None;
        self.file.visit_strings("tag", |tag| {
            let row = classes.len();
            let class = match tag {
                _ if failed.is_some() => 0,
                None => {
                    failed = Some(RunError::NoLabel { features: self.file.path().to_path_buf(), row });
                    0
                }
                Some(tag) => labels.index(tag).unwrap_or_else(|_| {
                    failed = Some(RunError::UnknownLabel {
                        features: self.file.path().to_path_buf(),
                        row,
                        label: tag.to_owned(),
                        known: labels.names().to_vec(),
                    });
                    0
                }),
            };
            classes.push(class);
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.classes = classes;
        Ok(self)
    }

    /// Groups `rows` by sentence.
    pub(crate) fn by_sentence<T>(&self, rows: Vec<T>) -> Vec<Vec<T>> {
        let mut rows = rows.into_iter();
        self.lengths.iter().map(|&length| rows.by_ref().take(length).collect()).collect()
    }
}

impl WordSource for CachedWords<'_> {
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
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let mut rows = Vec::new();
        self.file
            .read_range(self.starts[sentences.start]..self.starts[sentences.end], &names, &mut rows)
            .map_err(|error| TrainError::Source { source: Box::new(error) })?;
        into.append(&mut rows);
        Ok(())
    }
}
