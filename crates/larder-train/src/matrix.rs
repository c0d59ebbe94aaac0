//! Columns laid side by side and standardised, a few rows at a time: no copy of the features is ever made.

use ndarray::{Array2, CowArray, Ix2, ShapeBuilder};

use crate::column::FeatureColumn;
use crate::kernel;
use crate::real::Real;
use crate::standardise::Standardiser;

/// A view of feature columns as one standardised matrix `[rows, width]`.
pub(crate) struct Matrix<'a, F> {
    /// In row-major order; borrowed unless a caller's array is laid out otherwise.
    columns: Vec<CowArray<'a, f32, Ix2>>,
    mean: Vec<F>,
    inverse_scale: Vec<F>,
    rows: usize,
    /// The rows of the columns that are this matrix's, in order; all of them unless given.
    selected: Option<&'a [usize]>,
}

impl<'a, F: Real> Matrix<'a, F> {
    /// The columns, which have equally many rows, seen through a standardiser of their total width.
    pub(crate) fn new(columns: &[&'a FeatureColumn], standardiser: &Standardiser) -> Self {
        Self {
            columns: columns.iter().map(|column| column.values.as_standard_layout()).collect(),
            mean: standardiser.mean.iter().map(|&mean| F::from_f64(mean)).collect(),
            inverse_scale: standardiser.scale.iter().map(|&scale| F::from_f64(1.0 / scale)).collect(),
            rows: columns.first().map_or(0, |column| column.rows()),
            selected: None,
        }
    }

    /// The same, of some rows only.
    pub(crate) fn select(self, rows: &'a [usize]) -> Self {
        Self { rows: rows.len(), selected: Some(rows), ..self }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.mean.len()
    }

    /// All standardised rows, `[rows, width]`, in column-major order: each dimension is contiguous.
    pub(crate) fn to_column_major(&self) -> Array2<F> {
        let mut all = Array2::from_elem((self.rows, self.width()).f(), F::zero());
        let mut row = vec![F::zero(); self.width()];
        for (number, mut target) in all.rows_mut().into_iter().enumerate() {
            self.fill(number, &mut row);
            target.iter_mut().zip(&row).for_each(|(target, value)| *target = *value);
        }
        all
    }

    /// Writes standardised rows from row `first` on into `block` `[some rows, width]`, in row-major order.
    pub(crate) fn fill(&self, first: usize, block: &mut [F]) {
        let mut from = 0;
        for column in &self.columns {
            let to = from + column.ncols();
            let values = column.as_slice().expect("columns are in row-major order");
            for (row, target) in (first..).zip(block.chunks_exact_mut(self.width())) {
                let row = self.selected.map_or(row, |selected| selected[row]);
                let source = &values[row * column.ncols()..][..column.ncols()];
                kernel::standardise(&mut target[from..to], source, &self.mean[from..to], &self.inverse_scale[from..to]);
            }
            from = to;
        }
    }
}

/// Returns `columns` (float32 `[rows, hidden_size]` each) side by side and standardised, float32 `[rows, width]`.
///
/// # Panics
/// Where the columns' widths do not add up to the standardiser's, or their rows differ.
pub fn side_by_side(columns: &[&FeatureColumn], standardiser: &Standardiser) -> Vec<f32> {
    let rows = columns.first().map_or(0, |column| column.rows());
    let matrix = Matrix::<f32>::new(columns, standardiser);
    let mut all = vec![0.0; rows * matrix.width()];
    matrix.fill(0, &mut all);
    all
}
