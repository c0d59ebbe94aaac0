//! Ridge regression under one penalty, through a Cholesky factor.
//!
//! A factor is made for each penalty, which costs less than one eigendecomposition (see `spectrum`) where there are many rows
//! *and* many dimensions, because only the penalties around the best are tried. Of centred features `Z` and targets `y`:
//!
//! ```text
//! more dimensions than rows:  c = (Z Zᵀ + α)⁻¹ y,   w = Zᵀ c,   residual without row i = cᵢ / ((Z Zᵀ + α)⁻¹ᵢᵢ - 1 / (α rows))
//! else:                       w = (ZᵀZ + α)⁻¹ Zᵀy,  hᵢ = 1/rows + |L⁻¹ zᵢ|²,  L Lᵀ = ZᵀZ + α
//! ```
//!
//! The first is the second with `1 - hᵢ = α (Z Zᵀ + α)⁻¹ᵢᵢ - 1/rows` and the residual `α cᵢ`.

use faer::linalg::solvers::Solve;
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Col, Mat, Par, Side};
use rayon::prelude::*;

use super::spectrum::{LEAST_REST, combine, lower_products};

/// Rows whose leverages one thread works out at a time.
const BLOCK: usize = 256;

/// Features and targets, with the products of which the factors are made.
pub(super) struct Factors {
    /// `[rows, width]`, centred.
    features: Mat<f64>,
    /// The lower triangle of `ZᵀZ`, or of `Z Zᵀ`.
    products: Mat<f64>,
    /// `Z Zᵀ` is factored.
    by_rows: bool,
    targets: Vec<f64>,
    mean: f64,
}

/// A fit under one penalty.
pub(super) struct PenaltyFit {
    /// `[width]`.
    pub(super) weights: Vec<f64>,
    pub(super) intercept: f64,
    /// The leave-one-out predictions, `[rows]`.
    pub(super) leave_one_out: Vec<f64>,
}

impl Factors {
    /// Of centred `features` `[rows, width]`.
    pub(super) fn new(features: Mat<f64>, targets: &[f64]) -> Self {
        let (rows, width) = (features.nrows(), features.ncols());
        let by_rows = width > rows;
        let products = match by_rows {
            true => lower_products(features.as_ref(), rows),
            false => lower_products(features.transpose(), width),
        };
        let mean = targets.iter().sum::<f64>() / rows as f64;
        Self { features, products, by_rows, targets: targets.to_vec(), mean }
    }

    /// The fit under one penalty; `None` where rounding leaves no factor.
    pub(super) fn fit(&self, alpha: f64) -> Option<PenaltyFit> {
        let rows = self.targets.len();
        let mut shifted = self.products.clone();
        for at in 0..shifted.nrows() {
            shifted[(at, at)] += alpha;
        }
        let factor = shifted.llt(Side::Lower).ok()?;
        drop(shifted);
        let centred = Col::from_fn(rows, |row| self.targets[row] - self.mean);
        if self.by_rows {
            let duals = factor.solve(&centred);
            let mut inverse = Mat::<f64>::zeros(rows, rows);
            invert_lower_triangular(inverse.as_mut(), factor.L(), Par::Seq);
            let predict = |row: usize| {
                let diagonal: f64 = inverse.col(row).iter().skip(row).map(|value| value * value).sum();
                let rest = (alpha * diagonal - 1.0 / rows as f64).max(LEAST_REST);
                self.targets[row] - alpha * duals[row] / rest
            };
            let leave_one_out = (0..rows).into_par_iter().map(predict).collect();
            let weights = (0..self.features.ncols())
                .into_par_iter()
                .map(|at| self.features.col(at).iter().zip(duals.iter()).map(|(value, dual)| value * dual).sum())
                .collect();
            return Some(PenaltyFit { weights, intercept: self.mean, leave_one_out });
        }
        let weights: Vec<f64> = factor.solve(self.features.transpose() * &centred).iter().copied().collect();
        let fits = combine(self.features.as_ref(), &weights);
        let leave_one_out = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .flat_map_iter(|block| {
                let first = block * BLOCK;
                let count = BLOCK.min(rows - first);
                let mut solved = self.features.subrows(first, count).transpose().to_owned();
                solve_lower_triangular_in_place(factor.L(), solved.as_mut(), Par::Seq);
                let of_block: Vec<f64> = (0..count)
                    .map(|at| {
                        let leverage: f64 = solved.col(at).iter().map(|value| value * value).sum();
                        let rest = (1.0 - 1.0 / rows as f64 - leverage).max(LEAST_REST);
                        let target = self.targets[first + at];
                        target - (target - self.mean - fits[first + at]) / rest
                    })
                    .collect();
                of_block
            })
            .collect();
        Some(PenaltyFit { weights, intercept: self.mean, leave_one_out })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::spectrum::Spectrum;
    use super::*;

    #[test]
    fn factors_agree_with_the_eigendecomposition() {
        for (rows, width) in [(40, 7), (300, 12), (15, 30)] {
            let mut features =
                Array2::from_shape_fn((rows, width), |(row, at)| ((row * 31 + at * 17 + row * at) % 23) as f64);
            let means = features.mean_axis(ndarray::Axis(0)).unwrap();
            features -= &means;
            let targets: Vec<f64> = (0..rows).map(|row| ((row * 7) % 11) as f64).collect();
            let copy = Mat::from_fn(rows, width, |row, at| features[[row, at]]);
            let spectrum = Spectrum::new(copy.clone(), &targets).unwrap();
            let factors = Factors::new(copy, &targets);
            for alpha in [0.5, 50.0] {
                let found = factors.fit(alpha).unwrap();
                let (weights, intercept) = spectrum.solve(alpha);
                assert!((found.intercept - intercept).abs() < 1e-12);
                let left_out = spectrum.leave_one_out(&[alpha]).remove(0);
                let pairs = found.weights.iter().zip(&weights).chain(found.leave_one_out.iter().zip(&left_out));
                for (found, expected) in pairs {
                    // The largest eigenvalue is some thousand times alpha.
                    assert!((found - expected).abs() < 1e-9, "{found} for {expected}, {rows} x {width}");
                }
            }
        }
    }
}
