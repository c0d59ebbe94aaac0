//! Matrices as they lie in memory.

use crate::error::ShapeError;

/// A float32 matrix that is read: `[rows, columns]`, stored row after row.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    /// As stored.
    pub(crate) rows: usize,
    /// As stored.
    pub(crate) columns: usize,
    pub(crate) leading: usize,
    pub(crate) is_transposed: bool,
}

impl<'a> Matrix<'a> {
    /// A matrix `[rows, columns]` without gaps: `values[row * columns + column]`.
    ///
    /// # Errors
    ///
    /// When `values` has fewer than `rows * columns` values.
    pub fn new(values: &'a [f32], [rows, columns]: [usize; 2]) -> Result<Self, ShapeError> {
        Self::with_leading(values, [rows, columns], columns)
    }

    /// A matrix `[rows, columns]` whose rows are `leading` values apart: `values[row * leading + column]`.
    ///
    /// # Errors
    ///
    /// When `leading` is less than `columns`, or `values` ends before the last row does.
    pub fn with_leading(values: &'a [f32], shape: [usize; 2], leading: usize) -> Result<Self, ShapeError> {
        check("a matrix", values.len(), shape, leading)?;
        Ok(Self { values, rows: shape[0], columns: shape[1], leading, is_transposed: false })
    }

    /// The transpose, `[columns, rows]`: no value is moved, kernels read the same memory in the other order.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { is_transposed: !self.is_transposed, ..self }
    }

    /// `[rows, columns]`, of the transpose if it is one.
    pub fn shape(&self) -> [usize; 2] {
        if self.is_transposed { [self.columns, self.rows] } else { [self.rows, self.columns] }
    }

    /// The part of a shape that begins at `start`.
    pub(crate) fn part(&self, start: [usize; 2], shape: [usize; 2]) -> Self {
        let ([row, column], [rows, columns]) =
            if self.is_transposed { ([start[1], start[0]], [shape[1], shape[0]]) } else { (start, shape) };
        let values = if rows * columns == 0 { &[] } else { &self.values[row * self.leading + column..] };
        Self { values, rows, columns, leading: self.leading, is_transposed: self.is_transposed }
    }

    /// Checks that rows lie as they are read, one after another, and are of this shape.
    ///
    /// # Errors
    ///
    /// When the shape is another, or the matrix is transposed.
    pub(crate) fn check_rows(&self, name: &'static str, needed: [usize; 2]) -> Result<(), ShapeError> {
        let found = [self.rows, self.columns];
        if self.is_transposed || found != needed {
            return Err(ShapeError::Mismatch { name, needed, found });
        }
        Ok(())
    }

    /// A row of a matrix that is not transposed.
    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.leading..][..self.columns]
    }

    /// Copies a row.
    pub(crate) fn copy_row(&self, row: usize, target: &mut [f32]) {
        if self.is_transposed {
            target.iter_mut().enumerate().for_each(|(column, value)| *value = self.at(row, column));
        } else {
            target.copy_from_slice(&self.values[row * self.leading..][..target.len()]);
        }
    }

    /// The value at a place of the shape.
    pub(crate) fn at(&self, row: usize, column: usize) -> f32 {
        let (row, column) = if self.is_transposed { (column, row) } else { (row, column) };
        self.values[row * self.leading + column]
    }
}

/// A float32 matrix that is written: `[rows, columns]`, stored row after row.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) shape: [usize; 2],
    pub(crate) leading: usize,
}

impl<'a> MatrixMut<'a> {
    /// A matrix `[rows, columns]` without gaps: `values[row * columns + column]`.
    ///
    /// # Errors
    ///
    /// When `values` has fewer than `rows * columns` values.
    pub fn new(values: &'a mut [f32], [rows, columns]: [usize; 2]) -> Result<Self, ShapeError> {
        Self::with_leading(values, [rows, columns], columns)
    }

    /// A matrix `[rows, columns]` whose rows are `leading` values apart; what lies between them is not touched.
    ///
    /// # Errors
    ///
    /// When `leading` is less than `columns`, or `values` ends before the last row does.
    pub fn with_leading(values: &'a mut [f32], shape: [usize; 2], leading: usize) -> Result<Self, ShapeError> {
        check("the output", values.len(), shape, leading)?;
        Ok(Self { values, shape, leading })
    }
}

fn check(name: &'static str, found: usize, [rows, columns]: [usize; 2], leading: usize) -> Result<(), ShapeError> {
    if leading < columns {
        return Err(ShapeError::LeadingDimension { name, columns, leading });
    }
    let needed = match rows.checked_sub(1) {
        Some(before) if columns > 0 => before.checked_mul(leading).and_then(|start| start.checked_add(columns)),
        _ => Some(0),
    };
    let needed = needed.ok_or(ShapeError::TooLarge { name, rows, columns })?;
    if found < needed { Err(ShapeError::TooShort { name, needed, found }) } else { Ok(()) }
}
