//! The `predictions` file of a tagging run: one row a word and split.
//!
//! | column | type | |
//! |---|---|---|
//! | `split` | Utf8 | |
//! | `example_id` | Utf8 | as in `tokens` |
//! | `position` | Int32 | of the word in its sentence, from 0 |
//! | `word` | Utf8 | |
//! | `tag` | Utf8, nullable | gold, IOB2 |
//! | `prediction` | Utf8 | the tag answered, IOB2; never an illegal sequence |
//! | `probability` | Float32 | of the tag answered, everything else in the sentence summed out |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int32Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use larder_files::Provenance;
use parquet::arrow::ArrowWriter;

use crate::kept_splits::each_kept;
use crate::schema::writer_properties;
use crate::{SealedFile, StoreError};

/// The answers on some sentences of a split; every list is `[words]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WordPredictions {
    /// The example of each word.
    pub example_ids: Vec<String>,
    /// The word's place in its sentence.
    pub positions: Vec<i32>,
    /// The words.
    pub words: Vec<String>,
    /// Gold tags.
    pub tags: Vec<Option<String>>,
    /// Tags answered.
    pub answers: Vec<String>,
    /// Their probabilities.
    pub probabilities: Vec<f32>,
}

/// Writes the file split by split; it appears in [`WordPredictionsWriter::finish`].
pub struct WordPredictionsWriter {
    writer: ArrowWriter<SealedFile>,
    schema: SchemaRef,
    path: PathBuf,
}

impl WordPredictionsWriter {
    /// Starts a file, with the answers on the splits `keep` of the file that is there.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written, or the one that is there cannot be read.
    pub fn create(path: &Path, keep: &[String], provenance: &Provenance) -> Result<Self, StoreError> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("split", DataType::Utf8, false),
            Field::new("example_id", DataType::Utf8, false),
            Field::new("position", DataType::Int32, false),
            Field::new("word", DataType::Utf8, false),
            Field::new("tag", DataType::Utf8, true),
            Field::new("prediction", DataType::Utf8, false),
            Field::new("probability", DataType::Float32, false),
        ]));
        let properties = writer_properties(Some(provenance)).build();
        let mut writer = ArrowWriter::try_new(SealedFile::create(path)?, schema.clone(), Some(properties))
            .map_err(|e| StoreError::writing(path, e))?;
        let failed = |e| StoreError::writing(path, e);
        each_kept(path, keep, &schema, &mut |batch| writer.write(batch).map_err(failed))?;
        Ok(Self { writer, schema, path: path.to_path_buf() })
    }

    /// Adds answers on `split`.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    ///
    /// # Panics
    /// When the lists' lengths disagree: the caller's arithmetic is wrong.
    pub fn push(&mut self, split: &str, words: &WordPredictions) -> Result<(), StoreError> {
        let rows = words.words.len();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(split, rows))),
            Arc::new(StringArray::from_iter_values(&words.example_ids)),
            Arc::new(Int32Array::from(words.positions.clone())),
            Arc::new(StringArray::from_iter_values(&words.words)),
            Arc::new(words.tags.iter().map(Option::as_deref).collect::<StringArray>()),
            Arc::new(StringArray::from_iter_values(&words.answers)),
            Arc::new(Float32Array::from(words.probabilities.clone())),
        ];
        assert!(columns.iter().all(|column| column.len() == rows), "every list has {rows} entries");
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| StoreError::writing(&self.path, e.into()))?;
        self.writer.write(&batch).map_err(|e| StoreError::writing(&self.path, e))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`StoreError`]; then there is no new file.
    pub fn finish(self) -> Result<(), StoreError> {
        let Self { writer, path, .. } = self;
        writer.into_inner().map_err(|e| StoreError::writing(&path, e))?.commit()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn words_keep_their_place_and_their_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        let mut writer = WordPredictionsWriter::create(&path, &[], &Provenance::new("eval", 1)).unwrap();
        let words = WordPredictions {
            example_ids: vec!["7".into(), "7".into()],
            positions: vec![0, 1],
            words: vec!["Ada".into(), "sings".into()],
            tags: vec![Some("B-person".into()), None],
            answers: vec!["B-person".into(), "O".into()],
            probabilities: vec![0.75, 0.5],
        };
        writer.push("dev", &words).unwrap();
        assert!(!path.exists(), "the file appears whole");
        writer.finish().unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let batch = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap();
        let strings = |name: &str| batch[name].as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(" ");
        assert_eq!((strings("word"), strings("prediction")), ("Ada sings".into(), "B-person O".into()));
        assert_eq!(batch["tag"].null_count(), 1);
    }
}
