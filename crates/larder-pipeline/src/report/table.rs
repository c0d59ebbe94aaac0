//! Parquet files of a run's own folder as columns.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use larder_store::open_checked;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Lacking;

/// A whole file in batches, with its name for messages.
pub(super) struct Table {
    name: String,
    batches: Vec<RecordBatch>,
}

impl Table {
    /// Reads `name` in `folder`; `missing` is said where there is no such file.
    pub(super) fn read(folder: &Path, name: &str, missing: &str) -> Lacking<Self> {
        let path = folder.join(name);
        if !path.exists() {
            return Err(missing.to_owned());
        }
        let file = open_checked(&path).map_err(|error| format!("{name} cannot be read: {error}."))?;
        let broken = |error: &dyn std::error::Error| format!("{name} cannot be read: {error}.");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
        let reader = reader.map_err(|error| broken(&error))?;
        let batches = reader.collect::<Result<_, _>>().map_err(|error| broken(&error))?;
        Ok(Self { name: name.to_owned(), batches })
    }

    /// A column of texts, `[rows]`.
    pub(super) fn texts(&self, column: &str) -> Lacking<Vec<Option<String>>> {
        self.all(column, "texts", |array| {
            Some(array.as_string_opt::<i32>()?.iter().map(|text| text.map(str::to_owned)).collect())
        })
    }

    /// A column of whole numbers, `[rows]`; nothing where one is null.
    pub(super) fn integers(&self, column: &str) -> Lacking<Vec<i64>> {
        self.all(column, "whole numbers", |array| {
            if let Some(array) = array.as_primitive_opt::<Int32Type>() {
                return array.iter().map(|value| value.map(i64::from)).collect();
            }
            array.as_primitive_opt::<Int64Type>()?.iter().collect()
        })
    }

    /// A column of numbers, `[rows]`.
    pub(super) fn numbers(&self, column: &str) -> Lacking<Vec<Option<f64>>> {
        self.all(column, "numbers", |array| Some(array.as_primitive_opt::<Float64Type>()?.iter().collect()))
    }

    /// A column of lists of `width` numbers, row-major `[rows, width]`.
    pub(super) fn vectors(&self, column: &str, width: usize) -> Lacking<Vec<f32>> {
        self.all(column, &format!("lists of {width} numbers"), |array| {
            let lists = array.as_fixed_size_list_opt()?;
            let values = lists.values().as_primitive_opt::<Float32Type>()?;
            (usize::try_from(lists.value_length()) == Ok(width) && lists.null_count() == 0)
                .then(|| values.values().to_vec())
        })
    }

    fn all<T>(&self, column: &str, what: &str, read: impl Fn(&dyn Array) -> Option<Vec<T>>) -> Lacking<Vec<T>> {
        let mut all = Vec::new();
        for batch in &self.batches {
            let values = batch.column_by_name(column).and_then(|array| read(array.as_ref()));
            all.extend(values.ok_or_else(|| format!("{} has no column `{column}` of {what}.", self.name))?);
        }
        Ok(all)
    }
}
