//! Parquet: all columns are written again, with those of the answers behind them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeListArray, Float32Array, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use larder_data::Record;
use larder_files::AtomicFile;
use larder_store::StoreError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::answers::{AddedColumns, AnswerKind, Answers};
use crate::PipelineError;
use crate::predict::{EntityPrediction, Prediction, TaggedText};

/// The rows in one batch. Neighbours in a batch that was read are taken as one slice of it.
fn rows_of(records: &[Record]) -> Result<RecordBatch, ArrowError> {
    let mut slices: Vec<(&Arc<RecordBatch>, usize, usize)> = Vec::new();
    for record in records {
        let Record::Cells { batch, row } = record else { unreachable!("Parquet is read as cells") };
        match slices.last_mut() {
            Some((last, start, rows)) if Arc::ptr_eq(last, batch) && *start + *rows == *row => *rows += 1,
            _ => slices.push((batch, *row, 1)),
        }
    }
    let slices: Vec<RecordBatch> = slices.into_iter().map(|(batch, start, rows)| batch.slice(start, rows)).collect();
    let schema = slices.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    concat_batches(&schema, &slices)
}

/// Writes a part: the rows as they were, and the answers.
pub(super) fn write(
    records: &[Record],
    answers: &[Option<Answers>],
    added: &AddedColumns,
    path: &Path,
) -> Result<(), PipelineError> {
    let failed = |source: parquet::errors::ParquetError| StoreError::Parquet { path: path.to_path_buf(), source };
    let rows = rows_of(records).map_err(|error| failed(error.into()))?;
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    let arrays = match added.kind {
        AnswerKind::Label => labels(answers, added.labels.len()),
        AnswerKind::WordsAndTags => tags(answers),
        AnswerKind::Tags => tags(answers).split_off(1),
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
