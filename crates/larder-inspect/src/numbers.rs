//! Columns of plain numbers.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::Serialize;

use crate::InspectError;
use crate::file::ParquetFile;

/// The values of a column of numbers, summarised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberColumn {
    /// The column.
    pub column: String,
    /// Finite numbers.
    pub count: u64,
    /// Rows without a number.
    pub missing: u64,
    /// Rows with NaN or an infinite number.
    pub not_finite: u64,
    /// The smallest finite number.
    pub min: Option<f64>,
    /// Their mean.
    pub mean: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl NumberColumn {
    /// Each column of numbers of the first `limit` rows.
    pub(crate) fn all(file: &ParquetFile, limit: Option<u64>) -> Result<Vec<Self>, InspectError> {
        let numeric = file.fields().iter().filter(|field| field.data_type().is_numeric());
        numeric.map(|field| Self::of(file, field.name(), limit)).collect()
    }

    fn of(file: &ParquetFile, column: &str, limit: Option<u64>) -> Result<Self, InspectError> {
        let (mut count, mut missing, mut not_finite) = (0u64, 0, 0);
        let (mut min, mut sum, mut max) = (f64::INFINITY, 0.0, f64::NEG_INFINITY);
        file.each_batch(column, limit, |array| {
            missing += array.null_count() as u64;
            let numbers = cast(array, &DataType::Float64).map_err(|e| file.damaged(e.into()))?;
            for number in numbers.as_primitive::<Float64Type>().iter().flatten() {
                if number.is_finite() {
                    count += 1;
                    sum += number;
                    (min, max) = (min.min(number), max.max(number));
                } else {
                    not_finite += 1;
                }
            }
            Ok(())
        })?;
        let of_some = |value: f64| (count > 0).then_some(value);
        let (min, mean, max) = (of_some(min), of_some(sum / count as f64), of_some(max));
        Ok(Self { column: column.to_owned(), count, missing, not_finite, min, mean, max })
    }
}
