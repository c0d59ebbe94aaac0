//! Ridge regression for all penalties at once, through one eigendecomposition.
//!
//! Of centred features `Z` `[rows, width]` and centred targets `y`, with `ZᵀZ = V Λ Vᵀ` and `U = Z V`,
//!
//! ```text
//! w(α) = V (Λ + α)⁻¹ Uᵀy          ŷ(α) = U (Λ + α)⁻¹ Uᵀy          hᵢ(α) = 1/rows + Σⱼ Uᵢⱼ² / (λⱼ + α)
//! ```
//!
//! and the residual of row `i` under a fit without it is `(yᵢ - ŷᵢ) / (1 - hᵢ)`, exactly: Allen (1974), PRESS; the `1/rows` is
//! the free intercept. Where there are more dimensions than rows, `Z Zᵀ = Q Λ Qᵀ` is decomposed instead, which is smaller, and
//! `Q √Λ` stands for `U`. As scikit-learn's `RidgeCV` does it.
//!
//! The decomposition runs on one thread, and products are divided among threads by their results: numbers do not depend on the
//! number of threads. They do depend on the processor, whose vector instructions the library of the decomposition chooses.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use rayon::prelude::*;

/// Rows, or columns, of a product that one thread works on at a time.
const BLOCK: usize = 256;

/// The least share of a row that its own target may leave to the others, `1 - h`: below is rounding.
pub(super) const LEAST_REST: f64 = 1e-12;

/// Features and targets, decomposed.
pub(crate) struct Spectrum {
    /// `[rows, width]`, centred.
    features: Mat<f64>,
    /// Of `ZᵀZ`, or of `Z Zᵀ`.
    vectors: Mat<f64>,
    /// `[eigenvalues]`, none below 0.
    values: Vec<f64>,
    /// `U` or `Q`, `[rows, eigenvalues]`.
    scores: Mat<f64>,
    /// The scores' products with the centred targets, `[eigenvalues]`.
    shares: Vec<f64>,
    /// `Z Zᵀ` was decomposed.
    by_rows: bool,
    targets: Vec<f64>,
    mean: f64,
}

/// The leave-one-out predictions under one penalty, `[rows]`.
pub(crate) type LeaveOneOut = Vec<f64>;

impl Spectrum {
    /// Decomposes centred `features` `[rows, width]`. `None` where the decomposition does not converge.
    pub(crate) fn new(features: Mat<f64>, targets: &[f64]) -> Option<Self> {
        let (rows, width) = (features.nrows(), features.ncols());
        let by_rows = width > rows;
        let products = match by_rows {
            true => lower_products(features.as_ref(), rows),
            false => lower_products(features.transpose(), width),
        };
        let eigen: SelfAdjointEigen<f64> = products.self_adjoint_eigen(Side::Lower).ok()?;
        drop(products);
        let values: Vec<f64> = eigen.S().column_vector().iter().map(|value| value.max(0.0)).collect();
        let vectors = eigen.U().to_owned();
        let scores = if by_rows { vectors.clone() } else { product(features.as_ref(), vectors.as_ref()) };
        let mean = targets.iter().sum::<f64>() / rows as f64;
        let centred: Vec<f64> = targets.iter().map(|target| target - mean).collect();
        let shares = (0..values.len())
            .into_par_iter()
            .map(|at| scores.col(at).iter().zip(&centred).map(|(score, target)| score * target).sum())
            .collect();
        Some(Self { features, vectors, values, scores, shares, by_rows, targets: targets.to_vec(), mean })
    }

    /// The factor that squared scores, and scores times shares, are multiplied by.
    fn factor(&self, at: usize, alpha: f64) -> f64 {
        let value = self.values[at];
        if self.by_rows { value / (value + alpha) } else { 1.0 / (value + alpha) }
    }

    /// The leave-one-out predictions under each of the penalties, `[alphas]` of `[rows]`.
    pub(crate) fn leave_one_out(&self, alphas: &[f64]) -> Vec<LeaveOneOut> {
        let rows = self.targets.len();
        let count = alphas.len();
        // Penalties lie side by side, so that the loop over them is a vector instruction or two.
        let factors: Vec<f64> =
            (0..self.values.len()).flat_map(|at| alphas.iter().map(move |&alpha| self.factor(at, alpha))).collect();
        let predictions: Vec<Vec<f64>> = (0..rows)
            .into_par_iter()
            .map(|row| {
                let (mut fits, mut leverages) = (vec![0.0; count], vec![1.0 / rows as f64; count]);
                for ((at, &share), factors) in self.shares.iter().enumerate().zip(factors.chunks_exact(count)) {
                    let score = self.scores[(row, at)];
                    let (of_fit, of_leverage) = (score * share, score * score);
                    for ((fit, leverage), factor) in fits.iter_mut().zip(&mut leverages).zip(factors) {
                        *fit += of_fit * factor;
                        *leverage += of_leverage * factor;
                    }
                }
                let target = self.targets[row];
                let predict = |(fit, leverage): (f64, f64)| {
                    let residual = target - self.mean - fit;
                    target - residual / (1.0 - leverage).max(LEAST_REST)
                };
                fits.into_iter().zip(leverages).map(predict).collect()
            })
            .collect();
        (0..count).map(|at| predictions.iter().map(|row| row[at]).collect()).collect()
    }

    /// The weights `[width]` and the intercept under one penalty.
    pub(crate) fn solve(&self, alpha: f64) -> (Vec<f64>, f64) {
        let divided: Vec<f64> =
            self.shares.iter().zip(&self.values).map(|(share, value)| share / (value + alpha)).collect();
        let combined = combine(self.vectors.as_ref(), &divided);
        let weights = match self.by_rows {
            true => (0..self.features.ncols())
                .into_par_iter()
                .map(|at| self.features.col(at).iter().zip(&combined).map(|(value, dual)| value * dual).sum())
                .collect(),
            false => combined,
        };
        (weights, self.mean)
    }
}

/// `matrix · coefficients`, `[rows]`.
pub(super) fn combine(matrix: MatRef<'_, f64>, coefficients: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; matrix.nrows()];
    for (column, coefficient) in matrix.col_iter().zip(coefficients) {
        sums.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += value * coefficient);
    }
    sums
}

/// The lower triangle of `matrix · matrixᵀ`, `[size, size]`.
pub(super) fn lower_products(matrix: MatRef<'_, f64>, size: usize) -> Mat<f64> {
    let mut products = Mat::<f64>::zeros(size, size);
    products.as_mut().par_blocks(|first, block| {
        let count = block.ncols();
        let (_, below) = block.split_at_row_mut(first);
        let (square, rest) = below.split_at_row_mut(count);
        let columns = matrix.subrows(first, count).transpose();
        triangular::matmul(
            square,
            BlockStructure::TriangularLower,
            Accum::Replace,
            matrix.subrows(first, count),
            BlockStructure::Rectangular,
            columns,
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
        let later = first + count;
        faer::linalg::matmul::matmul(rest, Accum::Replace, matrix.subrows(later, size - later), columns, 1.0, Par::Seq);
    });
    products
}

/// `left · right`.
fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut result = Mat::<f64>::zeros(left.nrows(), right.ncols());
    result.as_mut().par_blocks(|first, block| {
        let count = block.ncols();
        faer::linalg::matmul::matmul(block, Accum::Replace, left, right.subcols(first, count), 1.0, Par::Seq);
    });
    result
}

/// Blocks of [`BLOCK`] columns, each worked on by one thread.
trait ParBlocks {
    fn par_blocks(self, work: impl Fn(usize, MatMut<'_, f64>) + Sync);
}

impl ParBlocks for MatMut<'_, f64> {
    fn par_blocks(self, work: impl Fn(usize, MatMut<'_, f64>) + Sync) {
        let mut blocks = Vec::new();
        let mut rest = self;
        let mut first = 0;
        while rest.ncols() > 0 {
            let count = BLOCK.min(rest.ncols());
            let (block, others) = rest.split_at_col_mut(count);
            blocks.push((first, block));
            first += count;
            rest = others;
        }
        blocks.into_par_iter().for_each(|(first, block)| work(first, block));
    }
}
