//! Mean and covariance of a stream of vectors, in float64.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Accum, Col, Mat, MatRef, Par, Side};
use rayon::prelude::*;

/// Widest vectors whose covariance is made: dimension * dimension numbers, and work that grows with the third power.
pub(crate) const MAX_DIMENSION: usize = 2048;
/// Rows and columns of a piece of the covariance; pieces are worked on side by side.
const PANEL: usize = 192;

/// Sums over vectors, around a shift near their mean so that little is lost when large means cancel.
#[derive(Debug)]
pub(crate) struct Moments {
    dimension: usize,
    count: u64,
    /// `[dimension]`; empty before the first vector.
    shift: Vec<f64>,
    /// Of the vectors less the shift, `[dimension]`.
    sum: Vec<f64>,
    /// Pieces of the lower triangle of the sum of outer products; none where vectors are too wide.
    panels: Vec<Panel>,
}

#[derive(Debug)]
struct Panel {
    row: usize,
    column: usize,
    sums: Mat<f64>,
}

impl Panel {
    /// Adds the outer products of shifted vectors, `[dimension, vectors]`.
    fn add(&mut self, block: MatRef<'_, f64>) {
        let left = block.subrows(self.row, self.sums.nrows());
        let right = block.subrows(self.column, self.sums.ncols()).transpose();
        if self.row == self.column {
            let (half, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            triangular::matmul(&mut self.sums, half, Accum::Add, left, whole, right, whole, 1.0, Par::Seq);
        } else {
            matmul(&mut self.sums, Accum::Add, left, right, 1.0, Par::Seq);
        }
    }
}

/// Directions in which vectors vary, the widest first.
#[derive(Debug)]
pub(crate) struct Directions {
    pub(crate) mean: Col<f64>,
    /// Eigenvalues of the covariance (divided by n, not n - 1), largest first; rounding below zero is cut off.
    pub(crate) variances: Vec<f64>,
    /// Eigenvectors in the same order, a column each: `[dimension, dimension]`.
    pub(crate) vectors: Mat<f64>,
}

impl Moments {
    pub(crate) fn new(dimension: usize) -> Self {
        let starts = || (0..dimension).step_by(PANEL);
        let width = |start: usize| PANEL.min(dimension - start);
        let panels = if dimension > MAX_DIMENSION {
            Vec::new()
        } else {
            starts()
                .flat_map(|row| starts().filter(move |&column| column <= row).map(move |column| (row, column)))
                .map(|(row, column)| Panel { row, column, sums: Mat::zeros(width(row), width(column)) })
                .collect()
        };
        Self { dimension, count: 0, shift: Vec::new(), sum: vec![0.0; dimension], panels }
    }

    /// Adds finite vectors, `[vectors, dimension]` row-major, and leaves them less the shift. The order of all sums is that of
    /// the vectors, whatever the number of threads.
    pub(crate) fn add(&mut self, values: &mut [f64]) {
        let vectors = values.len() / self.dimension.max(1);
        if vectors == 0 {
            return;
        }
        if self.shift.is_empty() {
            self.shift = vec![0.0; self.dimension];
            for vector in values.chunks_exact(self.dimension) {
                self.shift.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            }
            self.shift.iter_mut().for_each(|sum| *sum /= vectors as f64);
        }
        for vector in values.chunks_exact_mut(self.dimension) {
            for ((value, shift), sum) in vector.iter_mut().zip(&self.shift).zip(&mut self.sum) {
                *value -= shift;
                *sum += *value;
            }
        }
        self.count += vectors as u64;
        // Column-major [dimension, vectors]: the same numbers in the same order.
        let block = MatRef::from_column_major_slice(&*values, self.dimension, vectors);
        self.panels.par_iter_mut().for_each(|panel| panel.add(block));
    }

    /// The mean vector, `[dimension]`; `None` of nothing.
    pub(crate) fn mean(&self) -> Option<Col<f64>> {
        let means = self.shift.iter().zip(&self.sum).map(|(shift, sum)| shift + sum / self.count as f64);
        (self.count > 0).then(|| means.collect())
    }

    /// The covariance's eigenvectors; `None` of fewer than two vectors, too wide ones, or variances beyond float64.
    pub(crate) fn directions(&self) -> Option<Directions> {
        if self.count < 2 || self.panels.is_empty() {
            return None;
        }
        let count = self.count as f64;
        let offset: Vec<f64> = self.sum.iter().map(|sum| sum / count).collect();
        let mut covariance = Mat::<f64>::zeros(self.dimension, self.dimension);
        for panel in &self.panels {
            for (column, values) in panel.sums.col_iter().enumerate() {
                // Of a panel on the diagonal the upper half is not summed.
                let first = if panel.row == panel.column { column } else { 0 };
                for (row, sum) in values.iter().enumerate().skip(first) {
                    let (row, column) = (panel.row + row, panel.column + column);
                    let value = sum / count - offset[row] * offset[column];
                    covariance[(row, column)] = value;
                    covariance[(column, row)] = value;
                }
            }
        }
        if !covariance.is_all_finite() {
            return None;
        }
        let eigen: SelfAdjointEigen<f64> = covariance.self_adjoint_eigen(Side::Lower).ok()?;
        // Eigenvalues stand in rising order.
        Some(Directions {
            mean: self.mean()?,
            variances: eigen.S().column_vector().iter().rev().map(|value| value.max(0.0)).collect(),
            vectors: eigen.U().reverse_cols().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors with a large mean, wider than a panel, added in uneven pieces.
    #[test]
    fn the_covariance_is_that_of_the_definition() {
        let (dimension, count) = (PANEL + 9, 64);
        let value =
            |row: usize, at: usize| 1e4 + ((row * 31 + at * 17) % 23) as f64 + (row % 5) as f64 * at as f64 * 0.1;
        let rows: Vec<Vec<f64>> = (0..count).map(|r| (0..dimension).map(|d| value(r, d)).collect()).collect();
        let mut moments = Moments::new(dimension);
        for piece in rows.chunks(27) {
            moments.add(&mut piece.concat());
        }
        let directions = moments.directions().unwrap();
        let mean: Vec<f64> = (0..dimension).map(|d| rows.iter().map(|r| r[d]).sum::<f64>() / count as f64).collect();
        assert!(directions.mean.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-8));
        let variances: Col<f64> = directions.variances.iter().copied().collect();
        let rebuilt = &directions.vectors * variances.as_diagonal() * directions.vectors.transpose();
        for (a, b) in [(0, 0), (3, 200), (200, 3), (PANEL, PANEL - 1), (dimension - 1, dimension - 1)] {
            let expected = rows.iter().map(|r| (r[a] - mean[a]) * (r[b] - mean[b])).sum::<f64>() / count as f64;
            assert!((rebuilt[(a, b)] - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{a} {b}");
        }
        assert!(directions.variances.windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn what_cannot_be_had_is_none() {
        let mut moments = Moments::new(2);
        assert!(moments.mean().is_none() && moments.directions().is_none());
        moments.add(&mut [1.0, 2.0]);
        assert_eq!(moments.mean().unwrap().iter().copied().collect::<Vec<_>>(), [1.0, 2.0]);
        assert!(moments.directions().is_none());
        let mut wide = Moments::new(MAX_DIMENSION + 1);
        wide.add(&mut vec![1.0; 2 * (MAX_DIMENSION + 1)]);
        assert!(wide.mean().is_some() && wide.directions().is_none());
    }
}
