//! Principal component analysis: the plane with most of the variance.

use nalgebra::{DMatrix, SymmetricEigen};

/// Vectors iterated together: more than two, so that the third does not slow the convergence of the second.
const BLOCK: usize = 8;
/// Most iterations; a plane not found by then has a third direction as wide as the second, and either will do.
const MOST_ROUNDS: usize = 200;
/// Iterations end when both variances change relatively less than this.
const TOLERANCE: f64 = 1e-12;

/// Rows projected on their first two principal components.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projection {
    /// First and second component of each row, `[rows]`.
    pub(crate) points: Vec<[f64; 2]>,
    /// The share of variance of each component.
    pub(crate) explained: [f64; 2],
}

impl Projection {
    /// Projects `vectors`, row-major `[rows, width]`. The sign of a component makes its largest weight positive, so that equal
    /// vectors give equal points.
    ///
    /// Computes the eigenvectors of the covariance by subspace iteration with a Rayleigh-Ritz step (Saad, "Numerical methods
    /// for large eigenvalue problems", 2011, section 5.2).
    ///
    /// Returns `None` for fewer than two rows, no width, values that are not finite, or a length that is no multiple of
    /// `width`.
    pub(crate) fn of(vectors: &[f32], width: usize) -> Option<Self> {
        let rows = vectors.len().checked_div(width)?;
        if rows < 2 || rows * width != vectors.len() || vectors.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut centred = DMatrix::from_row_iterator(rows, width, vectors.iter().map(|&value| f64::from(value)));
        for mut column in centred.column_iter_mut() {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
        }
        let total = centred.norm_squared();
        let axes = principal_axes(&centred);
        let mut points = vec![[0.0; 2]; rows];
        let mut explained = [0.0; 2];
        for (at, axis) in axes.column_iter().enumerate().take(2) {
            let largest =
                axis.iter().fold(0.0_f64, |most, &weight| if weight.abs() > most.abs() { weight } else { most });
            let sign = if largest < 0.0 { -1.0 } else { 1.0 };
            let scores = &centred * axis * sign;
            for (point, score) in points.iter_mut().zip(scores.iter()) {
                point[at] = *score;
            }
            explained[at] = if total > 0.0 { scores.norm_squared() / total } else { 0.0 };
        }
        Some(Self { points, explained })
    }
}

/// Returns the directions of most variance, widest first, `[width, at least 1]`.
fn principal_axes(centred: &DMatrix<f64>) -> DMatrix<f64> {
    let width = centred.ncols();
    let transposed = centred.transpose();
    // The covariance, only if it is smaller than the rows.
    let covariance = (width <= centred.nrows()).then(|| &transposed * centred);
    let turn = |basis: &DMatrix<f64>| match &covariance {
        Some(covariance) => covariance * basis,
        None => &transposed * (centred * basis),
    };
    let block = BLOCK.min(width);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let start = DMatrix::from_fn(width, block, |_, _| {
        // xorshift: any fixed start that is not orthogonal to the answer will do.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    });
    let mut basis = start.qr().q();
    let mut before = [f64::NAN; 2];
    for _ in 0..MOST_ROUNDS {
        let turned = turn(&basis);
        // Rayleigh-Ritz: eigenvectors of the covariance within the basis order it.
        let within = basis.tr_mul(&turned);
        let within = (&within + within.transpose()) * 0.5;
        let eigen = SymmetricEigen::new(within);
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let variance = |at: usize| order.get(at).map_or(0.0, |&index| eigen.eigenvalues[index]);
        let now = [variance(0), variance(1)];
        let rotation = DMatrix::from_fn(block, block, |row, column| eigen.eigenvectors[(row, order[column])]);
        let settled = now.iter().zip(before).all(|(now, before)| (now - before).abs() <= TOLERANCE * now.abs());
        if settled {
            return basis * rotation;
        }
        before = now;
        basis = (turned * rotation).qr().q();
    }
    basis
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[30, 5]`, the same formula as in the recipe below.
    fn vectors() -> Vec<f32> {
        (0..30_u32)
            .flat_map(|row| {
                let of = |factor: u32, modulus: u32| f64::from(row * factor % modulus);
                let columns = [of(7, 11), of(3, 5) * 0.5, of(5, 13) + of(7, 11), of(2, 3) * 0.1, of(4, 17) - of(3, 5)];
                columns.map(|value| value as f32)
            })
            .collect()
    }

    const NUMPY: [(usize, [f64; 2]); 3] = [
        (0, [-12.911_523_218_615_285, -3.622_544_890_544_024]),
        (1, [0.835_826_817_730_974_3, -5.418_380_703_111_043]),
        (29, [-2.248_026_235_282_408, 6.434_622_438_057_645]),
    ];
    const NUMPY_EXPLAINED: [f64; 2] = [0.569_664_101_226_507_1, 0.369_307_476_905_429_2];

    /// numpy 2.4, as [`NUMPY`]:
    /// ```python
    /// r = np.arange(30); of = lambda f, m: (r * f % m).astype(float)
    /// x = np.stack([of(7,11), of(3,5)*.5, of(5,13)+of(7,11), of(2,3)*.1, of(4,17)-of(3,5)], 1).astype('f4').astype('f8')
    /// x -= x.mean(0); u, s, vt = np.linalg.svd(x, full_matrices=False)
    /// vt *= np.sign(vt[np.arange(5), np.abs(vt).argmax(1)])[:, None]
    /// (x @ vt[:2].T)[[0, 1, 29]], (s**2 / (s**2).sum())[:2]
    /// ```
    #[test]
    fn components_are_numpys() {
        let found = Projection::of(&vectors(), 5).unwrap();
        for (row, point) in NUMPY {
            for (found, expected) in found.points[row].iter().zip(point) {
                assert!((found - expected).abs() < 1e-6, "row {row}: {found} and {expected}");
            }
        }
        for (found, expected) in found.explained.iter().zip(NUMPY_EXPLAINED) {
            assert!((found - expected).abs() < 1e-9, "{found} and {expected}");
        }
    }

    #[test]
    fn a_direction_is_found_in_many_dimensions() {
        // Along one hidden direction, and a tenth as wide along another.
        let width = 400;
        let direction = |at: usize| if at.is_multiple_of(2) { 1.0 } else { -1.0 };
        let vectors: Vec<f32> = (0..60)
            .flat_map(|row| {
                let (along, across) = (f64::from(row) - 30.0, f64::from(row * 7 % 11) * 0.1);
                (0..width).map(move |at| (along * direction(at) + across * if at < 200 { 1.0 } else { -1.0 }) as f32)
            })
            .collect();
        let found = Projection::of(&vectors, width).unwrap();
        assert!(
            found.explained[0] > 0.999 && found.explained[0] + found.explained[1] > 0.999_999,
            "{:?}",
            found.explained
        );
        assert_eq!(found, Projection::of(&vectors, width).unwrap());
        let step = found.points[1][0] - found.points[0][0];
        assert!((step.abs() - (width as f64).sqrt()).abs() < 0.05, "{step}");
    }

    #[test]
    fn equal_rows_and_narrow_rows_are_no_trouble() {
        let same = Projection::of(&[1.0; 12], 4).unwrap();
        assert_eq!((same.points, same.explained), (vec![[0.0; 2]; 3], [0.0; 2]));
        let narrow = Projection::of(&[0.0, 1.0, 2.0], 1).unwrap();
        assert_eq!(narrow.points, [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]);
        assert_eq!(Projection::of(&[1.0, 2.0], 2), None);
        assert_eq!(Projection::of(&[1.0, 2.0, 3.0], 2), None);
        assert_eq!(Projection::of(&[1.0, f32::NAN, 3.0, 4.0], 2), None);
        assert_eq!(Projection::of(&[], 0), None);
    }
}
