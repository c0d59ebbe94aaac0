//! The shared code of Parquet artifacts: typed columns with errors that name them, writer settings.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow::record_batch::RecordBatch;
use larder_files::Provenance;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::StoreError;
use crate::metadata::key_values;

/// Level 1 writes at several hundred MB/s a core and is within a few percent of level 3's size on these columns.
const ZSTD_LEVEL: i32 = 1;

/// The inner field of every list, named as the Parquet format's logical-types page asks.
pub(crate) const ELEMENT: &str = "element";

/// Settings common to every artifact: zstd, no file-made-at time, provenance in the footer.
pub(crate) fn writer_properties(provenance: Option<&Provenance>) -> WriterPropertiesBuilder {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).expect("level 1 is a zstd level");
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_created_by(concat!("larder ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(key_values(provenance)))
}

/// The path of a list column's values. One dotted string would name a column that does not exist, and the writer would
/// ignore settings for it without a word.
pub(crate) fn values_path(column: &str) -> ColumnPath {
    ColumnPath::new(vec![column.to_owned(), "list".to_owned(), ELEMENT.to_owned()])
}

pub(crate) fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new(ELEMENT, element, false)))
}

pub(crate) fn string_lists<'a>(rows: impl Iterator<Item = Option<&'a [String]>>) -> ListArray {
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Field::new(ELEMENT, DataType::Utf8, false));
    for row in rows {
        for word in row.unwrap_or_default() {
            builder.values().append_value(word);
        }
        builder.append(row.is_some());
    }
    builder.finish()
}

pub(crate) fn column<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, StoreError> {
    batch.column_by_name(name).ok_or_else(|| StoreError::Column {
        path: path.to_path_buf(),
        column: name.to_owned(),
        expected: "a column of that name".to_owned(),
        found: format!("is missing; there are {}", names(batch)),
    })
}

pub(crate) fn strings<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, StoreError> {
    let array = column(path, batch, name)?;
    array.as_string_opt::<i32>().ok_or_else(|| wrong_type(path, name, "Utf8", array.data_type()))
}

/// A list of non-null int32, checked once so that rows can be read without checks.
pub(crate) fn int_lists<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a ListArray, StoreError> {
    let array = column(path, batch, name)?;
    let wrong = || wrong_type(path, name, "List<Int32> without nulls", array.data_type());
    let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
    let values = list.values().as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
    if values.null_count() > 0 || list.null_count() > 0 {
        return Err(wrong());
    }
    Ok(list)
}

/// Row `row` of a list that [`int_lists`] accepted.
pub(crate) fn int_row(list: &ListArray, row: usize) -> &[i32] {
    let (start, end) = (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
    &list.values().as_primitive::<Int32Type>().values()[start..end]
}

pub(crate) fn wrong_type(path: &Path, column: &str, expected: &str, found: &DataType) -> StoreError {
    StoreError::Column {
        path: path.to_path_buf(),
        column: column.to_owned(),
        expected: expected.to_owned(),
        found: format!("is {found}"),
    }
}

fn names(batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    names.join(", ")
}
