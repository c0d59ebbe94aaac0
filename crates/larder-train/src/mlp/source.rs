//! The source of row features: memory, or something larger.

use std::ops::Range;

use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::head::HeadColumn;

/// Rows of cached features.
///
/// Rows are read in blocks of neighbours, since a file of row groups is quick at nothing else; the order in which they are
/// trained on is made of them in memory.
pub trait FeatureRows: Sync {
    /// The feature columns, in the order in which they lie side by side.
    fn columns(&self) -> &[HeadColumn];

    /// The number of rows.
    fn rows(&self) -> usize;

    /// Makes `into` the features of `rows`: float32 `[rows, width]` in row-major order, the columns side by side. What it
    /// held is gone; its memory is used again.
    ///
    /// # Errors
    /// Whatever the source meets: [`TrainError::Source`] carries it.
    fn read(&self, rows: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError>;
}

/// Rows whose features lie in memory.
#[derive(Debug, Clone)]
pub struct FeaturesInMemory {
    features: Vec<FeatureColumn>,
    columns: Vec<HeadColumn>,
}

impl FeaturesInMemory {
    /// Feature columns `[rows, hidden_size]`.
    ///
    /// # Errors
    /// [`TrainError::RowMismatch`] when the columns have not equally many rows.
    pub fn new(features: Vec<FeatureColumn>) -> Result<Self, TrainError> {
        let rows = features.first().map_or(0, FeatureColumn::rows);
        if let Some(other) = features.iter().find(|column| column.rows() != rows) {
            let (column, found) = (other.name.clone(), other.rows());
            return Err(TrainError::RowMismatch { column, found, expected: rows });
        }
        let columns =
            features.iter().map(|column| HeadColumn { name: column.name.clone(), width: column.width() }).collect();
        Ok(Self { features, columns })
    }
}

impl FeatureRows for FeaturesInMemory {
    fn columns(&self) -> &[HeadColumn] {
        &self.columns
    }

    fn rows(&self) -> usize {
        self.features.first().map_or(0, FeatureColumn::rows)
    }

    fn read(&self, rows: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError> {
        into.clear();
        for row in rows {
            for column in &self.features {
                into.extend(column.values.row(row));
            }
        }
        Ok(())
    }
}

/// Reads a block, and checks it.
///
/// # Errors
/// [`TrainError::NonFinite`] with the column, and what the source says.
pub(super) fn read_checked(
    source: &dyn FeatureRows,
    width: usize,
    rows: Range<usize>,
    into: &mut Vec<f32>,
) -> Result<(), TrainError> {
    source.read(rows.clone(), into)?;
    if into.len() != rows.len() * width {
        return Err(TrainError::LabelMismatch { found: rows.len(), expected: into.len() / width });
    }
    let Some(at) = into.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let mut dimension = at % width;
    let mut columns = source.columns().iter();
    let column = loop {
        let column = columns.next().expect("dimensions are the columns'");
        match dimension.checked_sub(column.width) {
            Some(rest) => dimension = rest,
            None => break column.name.clone(),
        }
    };
    Err(TrainError::NonFinite { column, row: rows.start + at / width, dimension, value: into[at] })
}
