//! Parquet files of a run's own folder, column by column.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use larder_checksums::{Batches, rows_of};
use larder_store::open_checked;

use crate::page::Missing;

/// A whole file in batches, with its name for messages.
pub(crate) struct ParquetColumns {
    name: String,
    batches: Vec<RecordBatch>,
}

impl ParquetColumns {
    /// Reads `name` in `folder`; if there is no such file, the error is `missing`.
    pub(crate) fn read(folder: &Path, name: &str, missing: &str) -> Result<Self, Missing> {
        let path = folder.join(name);
        if !path.exists() {
            return Err(missing.into());
        }
        let file = open_checked(&path).map_err(|error| Missing(format!("{name} cannot be read: {error}.")))?;
        let broken = |error: &dyn std::error::Error| Missing(format!("{name} cannot be read: {error}."));
        let reader = rows_of(file).and_then(Batches::of);
        let reader = reader.map_err(|error| broken(&error))?;
        let batches = reader.collect::<Result<_, _>>().map_err(|error| broken(&error))?;
        Ok(Self { name: name.to_owned(), batches })
    }

    /// Returns a column of texts, `[rows]`.
    pub(crate) fn texts(&self, column: &str) -> Result<Vec<Option<String>>, Missing> {
        self.all(column, "texts", |array| {
            Some(array.as_string_opt::<i32>()?.iter().map(|text| text.map(str::to_owned)).collect())
        })
    }

    /// Returns a column of lists of texts, `[rows]`.
    pub(crate) fn text_lists(&self, column: &str) -> Result<Vec<Option<Vec<String>>>, Missing> {
        self.all(column, "lists of texts", |array| {
            let lists = array.as_list_opt::<i32>()?;
            lists.values().as_string_opt::<i32>()?;
            let texts = |row: ArrayRef| row.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            Some(lists.iter().map(|row| row.map(texts)).collect())
        })
    }

    /// Returns a column of texts, `[rows]`, with nulls as empty texts.
    pub(crate) fn filled(&self, column: &str) -> Result<Vec<String>, Missing> {
        Ok(self.texts(column)?.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Returns a column of integers, `[rows]`, without nulls.
    pub(crate) fn integers(&self, column: &str) -> Result<Vec<i64>, Missing> {
        self.all(column, "whole numbers", |array| {
            if let Some(array) = array.as_primitive_opt::<Int32Type>() {
                return array.iter().map(|value| value.map(i64::from)).collect();
            }
            array.as_primitive_opt::<Int64Type>()?.iter().collect()
        })
    }

    /// Returns a column of numbers, `[rows]`.
    pub(crate) fn numbers(&self, column: &str) -> Result<Vec<Option<f64>>, Missing> {
        self.all(column, "numbers", |array| Some(array.as_primitive_opt::<Float64Type>()?.iter().collect()))
    }

    /// Returns a column of lists of `width` numbers, row-major `[rows, width]`.
    pub(crate) fn vectors(&self, column: &str, width: usize) -> Result<Vec<f32>, Missing> {
        self.all(column, &format!("lists of {width} numbers"), |array| {
            let lists = array.as_fixed_size_list_opt()?;
            let values = lists.values().as_primitive_opt::<Float32Type>()?;
            (usize::try_from(lists.value_length()) == Ok(width) && lists.null_count() == 0)
                .then(|| values.values().to_vec())
        })
    }

    fn all<T>(&self, column: &str, what: &str, read: impl Fn(&dyn Array) -> Option<Vec<T>>) -> Result<Vec<T>, Missing> {
        let mut all = Vec::new();
        for batch in &self.batches {
            let values = batch.column_by_name(column).and_then(|array| read(array.as_ref()));
            all.extend(values.ok_or_else(|| Missing(format!("{} has no column `{column}` of {what}.", self.name)))?);
        }
        Ok(all)
    }
}
