//! Coordinates in which the parameters of a logistic regression hardly depend on each other.
//!
//! The loss is curved like `Σᵢ vᵢ pᵢ (1 - pᵢ) zᵢ zᵢᵀ` over the rows. With the classes' shares in place of `pᵢ` that is a number times the
//! features' correlation matrix, whatever the fold, the label and the strength. In the coordinates of its eigenvectors it is
//! diagonal, so one decomposition gives every fit a good first guess of its curvature, and L-BFGS needs a few steps where it
//! needed dozens. Axes are turned, not stretched: the penalty and the norm of a gradient stay what they are.
//!
//! Columns of features that lie side by side are each turned within themselves: a decomposition of all together would cost more
//! than it saves.
//!
//! The decomposition runs on one thread: results do not depend on the number of threads. They do depend on the processor, whose
//! vector instructions the library of the decomposition chooses.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};

use crate::column::FeatureColumn;
use crate::matrix::Matrix;
use crate::standardise::Standardiser;

/// Widest column that is decomposed, which takes work with the third power of its width.
const MAX_WIDTH: usize = 1024;

/// Rows for each dimension below which a decomposition costs more than the fits.
const LEAST_ROWS: usize = 4;

/// Rows for each dimension that the correlations are taken from, at most: they are a guess, and more rows better it little.
const MOST_ROWS: usize = 16;

/// Rows of one product.
const BLOCK_ROWS: usize = 512;

/// Variances below this share of the largest are taken for it: rounding makes nothing of smaller ones.
const LEAST_VARIANCE: f64 = 1e-6;

/// The axes of one column of standardised features; those of the features themselves where it is not decomposed.
pub(crate) struct ColumnAxes {
    width: usize,
    basis: Option<Basis>,
}

struct Basis {
    /// `[width, axes]`
    vectors: Mat<f64>,
    /// The features' variance along each axis, `[axes]`, above 0.
    variances: Vec<f64>,
}

impl ColumnAxes {
    /// The features' own axes.
    pub(crate) fn unturned(width: usize) -> Self {
        Self { width, basis: None }
    }

    /// The axes of a column that `standardiser` brings to mean 0 and deviation 1; the features' own where there are too few rows, or
    /// the column is too wide.
    pub(crate) fn of(column: &FeatureColumn, standardiser: &Standardiser) -> Self {
        let (width, rows) = (column.width(), column.rows());
        if width > MAX_WIDTH || rows < LEAST_ROWS * width {
            return Self::unturned(width);
        }
        let step = (rows / (MOST_ROWS * width)).max(1);
        let sample: Vec<usize> = (0..rows).step_by(step).collect();
        let columns = [column];
        let matrix = Matrix::<f32>::new(&columns, standardiser).select(&sample);
        let (half, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let mut sums = Mat::<f32>::zeros(width, width);
        let mut block = vec![0.0; BLOCK_ROWS * width];
        for first in (0..sample.len()).step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(sample.len() - first);
            let rows = &mut block[..count * width];
            matrix.fill(first, rows);
            // Column-major `[width, rows]`: the same numbers in the same order.
            let rows = MatRef::from_column_major_slice(&*rows, width, count);
            triangular::matmul(&mut sums, half, Accum::Add, rows, whole, rows.transpose(), whole, 1.0, Par::Seq);
        }
        let correlations = Mat::from_fn(width, width, |row, at| match row >= at {
            true => f64::from(sums[(row, at)]) / sample.len() as f64,
            false => 0.0,
        });
        let basis = decomposed(&correlations);
        Self { width, basis }
    }
}

/// The axes of a matrix of which the lower half is given; `None` where it cannot be decomposed.
fn decomposed(correlations: &Mat<f64>) -> Option<Basis> {
    let eigen: SelfAdjointEigen<f64> = correlations.self_adjoint_eigen(Side::Lower).ok()?;
    let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let largest = values.iter().copied().fold(0.0, f64::max);
    if !largest.is_finite() || largest == 0.0 {
        return None;
    }
    let variances = values.iter().map(|value| value.max(LEAST_VARIANCE * largest)).collect();
    Some(Basis { vectors: eigen.U().to_owned(), variances })
}

/// The axes of columns side by side.
#[derive(Clone)]
pub(crate) struct PrincipalAxes<'a> {
    columns: Vec<&'a ColumnAxes>,
}

impl<'a> PrincipalAxes<'a> {
    pub(crate) fn new(columns: Vec<&'a ColumnAxes>) -> Self {
        Self { columns }
    }

    /// The axes of the features themselves, whatever their number.
    pub(crate) fn unturned() -> Self {
        Self { columns: Vec::new() }
    }

    /// The variance along each axis, `[width]`; `None` where a column is not turned, whose features are correlated.
    pub(crate) fn variances(&self) -> Option<Vec<f64>> {
        let of_columns: Option<Vec<&Basis>> = self.columns.iter().map(|column| column.basis.as_ref()).collect();
        let of_columns = of_columns.filter(|columns| !columns.is_empty())?;
        Some(of_columns.iter().flat_map(|basis| basis.variances.iter().copied()).collect())
    }

    /// Vectors along the axes as vectors along the features, both `[vectors, width]`.
    pub(crate) fn to_features(&self, vectors: Vec<f64>) -> Vec<f64> {
        self.turned(vectors, |basis| basis.vectors.as_ref())
    }

    /// Vectors along the features as vectors along the axes, both `[vectors, width]`.
    pub(crate) fn to_axes(&self, vectors: Vec<f64>) -> Vec<f64> {
        self.turned(vectors, |basis| basis.vectors.transpose())
    }

    fn turned(&self, vectors: Vec<f64>, turn: impl for<'b> Fn(&'b Basis) -> MatRef<'b, f64>) -> Vec<f64> {
        if self.columns.iter().all(|column| column.basis.is_none()) {
            return vectors;
        }
        let width: usize = self.columns.iter().map(|column| column.width).sum();
        let count = vectors.len() / width;
        let mut turned = vectors.clone();
        let mut from = 0;
        for column in &self.columns {
            if let Some(basis) = &column.basis {
                let source = MatRef::from_column_major_slice(&vectors, width, count).subrows(from, column.width);
                let target = MatMut::from_column_major_slice_mut(&mut turned, width, count);
                let target = target.subrows_mut(from, column.width);
                matmul(target, Accum::Replace, turn(basis), source, 1.0, Par::Seq);
            }
            from += column.width;
        }
        turned
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// 100 rows of 7 features, some of them nearly the same: few enough that all of them are taken.
    fn column() -> FeatureColumn {
        let noise = |row: usize, at: usize| ((row * 7919 + at * 104_729) % 1009) as f32 / 1009.0;
        FeatureColumn::new(
            "mean",
            Array2::from_shape_fn((100, 7), |(row, at)| noise(row, at / 2) + 0.1 * noise(row, at)),
        )
    }

    #[test]
    fn turning_there_and_back_changes_nothing_and_lengths_are_kept() {
        let column = column();
        let axes = ColumnAxes::of(&column, &Standardiser::fit(&[&column]));
        let unturned = ColumnAxes::unturned(2);
        let both = PrincipalAxes::new(vec![&axes, &unturned]);
        let vectors: Vec<f64> = (0..27).map(|at| f64::from(at * at % 11) - 5.0).collect();
        let turned = both.to_axes(vectors.clone());
        assert!(turned.iter().zip(&vectors).any(|(turned, vector)| (turned - vector).abs() > 0.1));
        for (turned, vector) in turned.chunks(9).zip(vectors.chunks(9)) {
            let squares = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
            assert!((squares(turned) - squares(vector)).abs() < 1e-12 * squares(vector));
            assert_eq!(turned[7..], vector[7..], "the second column is not turned");
        }
        for (back, vector) in both.to_features(turned).iter().zip(&vectors) {
            assert!((back - vector).abs() < 1e-12, "{back} for {vector}");
        }
        assert_eq!(both.variances(), None);
    }

    #[test]
    fn variances_are_those_of_the_features_along_the_axes() {
        let column = column();
        let standardiser = Standardiser::fit(&[&column]);
        let axes = ColumnAxes::of(&column, &standardiser);
        let axes = PrincipalAxes::new(vec![&axes]);
        let mut rows = vec![0.0f64; 100 * 7];
        let columns = [&column];
        Matrix::new(&columns, &standardiser).fill(0, &mut rows);
        let along = axes.to_axes(rows);
        for (axis, variance) in axes.variances().unwrap().into_iter().enumerate() {
            let found = along.chunks(7).map(|row| row[axis] * row[axis]).sum::<f64>() / 100.0;
            assert!((found - variance).abs() < 1e-5 * 7.0, "axis {axis}: {found} for {variance}");
        }
    }

    #[test]
    fn few_rows_are_not_turned() {
        let column = FeatureColumn::new("mean", Array2::from_elem((27, 7), 1.0));
        let axes = ColumnAxes::of(&column, &Standardiser::fit(&[&column]));
        let axes = PrincipalAxes::new(vec![&axes]);
        assert_eq!(axes.to_axes(vec![1.0; 7]), [1.0; 7]);
        assert_eq!((axes.variances(), PrincipalAxes::unturned().variances()), (None, None));
    }
}
