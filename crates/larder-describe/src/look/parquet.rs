//! Parquet.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use larder_checksums::{Batches, rows_of};
use larder_data::{ColumnRef, Format};

use crate::DescribeError;
use crate::columns::{Cell, Look, LookedColumn, ROWS};

pub(super) fn look(path: &Path) -> Result<Look, DescribeError> {
    let unreadable = |problem: String| DescribeError::Unreadable { path: path.to_owned(), problem };
    let file = File::open(path).map_err(|source| DescribeError::Read { path: path.to_owned(), source })?;
    let builder = rows_of(file).map_err(|error| unreadable(error.to_string()))?;
    let schema = builder.schema().clone();
    let builder = builder.with_batch_size(ROWS).with_limit(ROWS);
    let reader = Batches::of(builder).map_err(|error| unreadable(error.to_string()))?;
    let name = |field: &arrow::datatypes::FieldRef| LookedColumn {
        column: ColumnRef::Name(field.name().clone()),
        cells: Vec::new(),
    };
    let mut columns: Vec<LookedColumn> = schema.fields().iter().map(name).collect();
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(error.to_string()))?;
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            column.cells.extend((0..array.len()).map(|row| cell(array, row)));
        }
    }
    Ok(Look { format: Format::Parquet, header: false, quoting: false, separator: None, encoding: None, columns })
}

fn cell(array: &ArrayRef, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Missing;
    }
    match array.data_type() {
        DataType::Boolean => Cell::Flag(array.as_boolean().value(row)),
        data_type if data_type.is_numeric() => {
            let number = cast(&array.slice(row, 1), &DataType::Float64);
            number.map_or(Cell::Other, |number| Cell::Number(number.as_primitive::<Float64Type>().value(0)))
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => list(array, row),
        _ => match text(&array.slice(row, 1)) {
            Some(text) if text.trim().is_empty() => Cell::Missing,
            Some(text) => Cell::Text(text),
            None => Cell::Other,
        },
    }
}

fn list(array: &ArrayRef, row: usize) -> Cell {
    let values = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => array.as_fixed_size_list().value(row),
    };
    // Vectors are no lists of labels.
    if values.data_type().is_floating() {
        return Cell::Other;
    }
    let texts = (0..values.len()).map(|at| text(&values.slice(at, 1)));
    texts.collect::<Option<Vec<_>>>().map_or(Cell::Other, Cell::List)
}

/// The only value of an array, where it is a text, a category or an integer.
fn text(array: &ArrayRef) -> Option<String> {
    let is_text = |data_type: &DataType| {
        data_type.is_integer() || matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    };
    let readable = match array.data_type() {
        DataType::Dictionary(_, values) => is_text(values),
        data_type => is_text(data_type),
    };
    let texts = readable.then(|| cast(array, &DataType::Utf8).ok()).flatten()?;
    let texts = texts.as_string::<i32>();
    (!texts.is_empty() && texts.is_valid(0)).then(|| texts.value(0).to_owned())
}
