//! Parquet: all columns are read and written again, with those of the answers behind them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Float32Array, Int32Array, ListArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use larder_data::OnBadRow;
use larder_store::{AtomicFile, StoreError};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::answers::{Added, AddedKind, Answers};
use super::error::InputError;
use super::{Asked, Block, Blocks, Question, ROWS_PER_PART, Rows, Wanted, problem_of_text};
use crate::PipelineError;
use crate::predict::{EntityPrediction, Prediction, TaggedText};

/// A Parquet file that is read in parts.
pub(super) struct Table {
    path: PathBuf,
    schema: SchemaRef,
    batches: ParquetRecordBatchReader,
    total: u64,
    /// Rows given.
    row: u64,
    reads: Reads,
    on_bad_row: OnBadRow,
}

/// Which columns a row's question is made of.
enum Reads {
    Text { text: usize, text_b: Option<usize> },
    Words(usize),
}

impl Table {
    pub(super) fn open(path: &Path, wanted: Wanted) -> Result<Self, PipelineError> {
        let unreadable = |problem: String| InputError::Unreadable { path: path.to_path_buf(), problem };
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(error.to_string()))?;
        let schema = builder.schema().clone();
        let total = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let has_words = wanted.tagging && wanted.words.is_none() && schema.column_with_name("words").is_some();
        let words = wanted.words.clone().or_else(|| has_words.then(|| "words".to_owned()));
        let reads = match words {
            Some(words) => Reads::Words(column(path, &schema, &words, "--words-column", WORDS)?),
            None => Reads::Text {
                text: column(path, &schema, &wanted.text, "--text-column", TEXT)?,
                text_b: match &wanted.text_b {
                    Some(text_b) => Some(column(path, &schema, text_b, "--text-b-column", TEXT)?),
                    None => None,
                },
            },
        };
        let batches = builder.with_batch_size(ROWS_PER_PART).build().map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { path: path.to_path_buf(), schema, batches, total, row: 0, reads, on_bad_row: wanted.on_bad_row })
    }

    /// Does it have words, so that no text is cut into them?
    pub(super) fn gives_words(&self) -> bool {
        matches!(self.reads, Reads::Words(_))
    }

    /// Columns of these names are not there yet.
    pub(super) fn check_free(&self, names: &[String]) -> Result<(), InputError> {
        match names.iter().find(|name| self.schema.column_with_name(name).is_some()) {
            Some(name) => Err(InputError::Taken { path: self.path.clone(), column: name.clone() }),
            None => Ok(()),
        }
    }

    /// What each row of a batch asks.
    fn asked(&self, batch: &RecordBatch) -> Result<Vec<Asked>, PipelineError> {
        let unreadable = |error: arrow::error::ArrowError| InputError::Unreadable {
            path: self.path.clone(),
            problem: error.to_string(),
        };
        let strings = |index: usize| cast(batch.column(index), &DataType::LargeUtf8).map_err(unreadable);
        let questions: Vec<Result<Question, String>> = match self.reads {
            Reads::Text { text, text_b } => {
                let first = strings(text)?;
                let second = text_b.map(strings).transpose()?;
                let value = |array: &ArrayRef, index: usize, row: usize| {
                    let array = array.as_string::<i64>();
                    let name = self.schema.field(index).name();
                    let text = if array.is_null(row) { None } else { Some(array.value(row)) };
                    problem_of_text(name, text).map_or_else(|| Ok(text.unwrap_or_default().to_owned()), Err)
                };
                let question = |row: usize| {
                    let text_b = match (&second, text_b) {
                        (Some(second), Some(index)) => Some(value(second, index, row)?),
                        _ => None,
                    };
                    Ok(Question::Text { text: value(&first, text, row)?, text_b })
                };
                (0..batch.num_rows()).map(question).collect()
            }
            Reads::Words(index) => {
                let item = Arc::new(Field::new_list_field(DataType::LargeUtf8, true));
                let lists = cast(batch.column(index), &DataType::LargeList(item)).map_err(unreadable)?;
                let lists = lists.as_list::<i64>();
                let name = self.schema.field(index).name();
                let question = |row: usize| {
                    if lists.is_null(row) {
                        return Err(format!("column `{name}` is null"));
                    }
                    let words = lists.value(row);
                    let words = words.as_string::<i64>().iter().map(|word| word.map(str::to_owned));
                    let words: Option<Vec<String>> = words.collect();
                    words.map(Question::Words).ok_or_else(|| format!("column `{name}` has a word that is null"))
                };
                (0..batch.num_rows()).map(question).collect()
            }
        };
        let checked = questions.into_iter().enumerate().map(|(row, question)| match (question, self.on_bad_row) {
            (Ok(question), _) => Ok(Some(question)),
            (Err(_), OnBadRow::Skip) => Ok(None),
            (Err(problem), OnBadRow::Stop) => {
                let place = format!("row {}", self.row + row as u64 + 1);
                Err(InputError::Row { path: self.path.clone(), place, problem }.into())
            }
        });
        checked.collect()
    }
}

impl Blocks for Table {
    fn next_block(&mut self) -> Result<Option<Block>, PipelineError> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let unreadable = |error: arrow::error::ArrowError| InputError::Unreadable {
            path: self.path.clone(),
            problem: error.to_string(),
        };
        let batch = batch.map_err(unreadable)?;
        let asked = self.asked(&batch)?;
        self.row += batch.num_rows() as u64;
        Ok(Some(Block { rows: Rows::Table(batch), asked }))
    }

    fn total(&self) -> Option<u64> {
        Some(self.total)
    }
}

/// What a column must hold: a check, and what it is called.
type Fits = (fn(&DataType) -> bool, &'static str);

const TEXT: Fits = (is_text, "strings");
const WORDS: Fits = (is_words, "lists of strings");

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn is_words(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            is_text(item.data_type())
        }
        _ => false,
    }
}

/// The place of a column of that type.
fn column(
    path: &Path,
    schema: &Schema,
    name: &str,
    flag: &'static str,
    (fits, expected): Fits,
) -> Result<usize, InputError> {
    let Some((index, field)) = schema.column_with_name(name) else {
        return Err(InputError::Column {
            path: path.to_path_buf(),
            column: name.to_owned(),
            known: schema.fields().iter().map(|field| field.name().clone()).collect(),
            flag,
        });
    };
    if !fits(field.data_type()) {
        let (path, column, found) = (path.to_path_buf(), name.to_owned(), field.data_type().to_string());
        return Err(InputError::ColumnType { path, column, found, expected });
    }
    Ok(index)
}

/// Writes a part: the rows as they were, and the answers.
pub(super) fn write(
    rows: &RecordBatch,
    answers: &[Option<Answers>],
    added: &Added,
    path: &Path,
) -> Result<(), PipelineError> {
    let failed = |source: parquet::errors::ParquetError| StoreError::Parquet { path: path.to_path_buf(), source };
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    let arrays = match added.kind {
        AddedKind::Label => labels(answers, added.labels.len()),
        AddedKind::WordsAndTags => tags(answers),
        AddedKind::Tags => tags(answers).split_off(1),
    };
    for (name, array) in added.names().into_iter().zip(arrays) {
        fields.push(Arc::new(Field::new(name, array.data_type().clone(), true)));
        columns.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|error| failed(error.into()))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(AtomicFile::create(path)?, schema, Some(properties)).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    Ok(writer.into_inner().map_err(failed)?.commit()?)
}

/// `prediction`, `probability` and `probabilities`, null where there is no answer.
fn labels(answers: &[Option<Answers>], classes: usize) -> Vec<ArrayRef> {
    let labels: Vec<Option<&Prediction>> = answers
        .iter()
        .map(|answer| match answer {
            Some(Answers::Label(label)) => Some(label),
            _ => None,
        })
        .collect();
    let label: StringArray = labels.iter().map(|label| label.map(|label| label.label.as_str())).collect();
    let probability: Float32Array = labels.iter().map(|label| label.map(|label| label.probability as f32)).collect();
    let no_answer = vec![0.0; classes];
    let values = labels.iter().flat_map(|label| label.map_or(&no_answer, |label| &label.probabilities));
    let values: Float32Array = values.map(|&probability| Some(probability as f32)).collect();
    let element = Arc::new(Field::new_list_field(DataType::Float32, true));
    let width = i32::try_from(classes).unwrap_or(i32::MAX);
    let there = NullBuffer::from_iter(labels.iter().map(Option::is_some));
    let probabilities = FixedSizeListArray::new(element, width, Arc::new(values), Some(there));
    vec![Arc::new(label), Arc::new(probability), Arc::new(probabilities)]
}

/// `words`, `tags` and `entities`, null where there is no answer.
fn tags(answers: &[Option<Answers>]) -> Vec<ArrayRef> {
    let tagged: Vec<Option<&TaggedText>> = answers
        .iter()
        .map(|answer| match answer {
            Some(Answers::Tags(tagged)) => Some(tagged),
            _ => None,
        })
        .collect();
    let there = || tagged.iter().flatten();
    let lists = |values: ArrayRef, length: fn(&TaggedText) -> usize| -> ArrayRef {
        let offsets = OffsetBuffer::from_lengths(tagged.iter().map(|tagged| tagged.map_or(0, length)));
        let nulls = NullBuffer::from_iter(tagged.iter().map(Option::is_some));
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Arc::new(ListArray::new(item, offsets, values, Some(nulls)))
    };
    let words = StringArray::from_iter_values(there().flat_map(|tagged| &tagged.words));
    let tags = StringArray::from_iter_values(there().flat_map(|tagged| &tagged.tags));
    let entities: Vec<&EntityPrediction> = there().flat_map(|tagged| &tagged.entities).collect();
    let number = |of: fn(&EntityPrediction) -> usize| -> ArrayRef {
        let number = |entity: &&EntityPrediction| i32::try_from(of(entity)).unwrap_or(i32::MAX);
        Arc::new(Int32Array::from_iter_values(entities.iter().map(number)))
    };
    let text = |of: fn(&EntityPrediction) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(entities.iter().map(|entity| of(entity))))
    };
    let confidence = Float32Array::from_iter_values(entities.iter().map(|entity| entity.confidence as f32));
    let columns: [(&str, ArrayRef); 5] = [
        ("start", number(|entity| entity.start)),
        ("end", number(|entity| entity.end)),
        ("text", text(|entity| &entity.text)),
        ("type", text(|entity| &entity.entity_type)),
        ("confidence", Arc::new(confidence)),
    ];
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let entities = StructArray::new(fields, columns.map(|(_, array)| array).into(), None);
    vec![
        lists(Arc::new(words), |tagged| tagged.words.len()),
        lists(Arc::new(tags), |tagged| tagged.tags.len()),
        lists(Arc::new(entities), |tagged| tagged.entities.len()),
    ]
}
