//! Principal component analysis: the plane with most of the variance.

use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Col, Mat, Scale, Side};

/// Variances below this share of the largest are rounding.
const NOISE: f64 = 1e-12;

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
    /// Decomposes `ZᵀZ` of the centred vectors `Z`, or `Z Zᵀ` where there are fewer rows than dimensions, which is smaller and
    /// whose eigenvectors `u` give the axes `Zᵀu`.
    ///
    /// Returns `None` for fewer than two rows, no width, values that are not finite, or a length that is no multiple of
    /// `width`.
    pub(crate) fn of(vectors: &[f32], width: usize) -> Option<Self> {
        let rows = vectors.len().checked_div(width)?;
        if rows < 2 || rows * width != vectors.len() || vectors.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut centred = Mat::from_fn(rows, width, |row, column| f64::from(vectors[row * width + column]));
        for column in centred.col_iter_mut() {
            let mean = column.as_ref().iter().sum::<f64>() / rows as f64;
            column.iter_mut().for_each(|value| *value -= mean);
        }
        let total = centred.squared_norm_l2();
        let by_rows = rows < width;
        let products = if by_rows { &centred * centred.transpose() } else { centred.transpose() * &centred };
        let eigen: SelfAdjointEigen<f64> = products.self_adjoint_eigen(Side::Lower).ok()?;
        let mut points = vec![[0.0; 2]; rows];
        let mut explained = [0.0; 2];
        let variances = eigen.S().column_vector();
        let widest = variances.iter().copied().fold(0.0, f64::max);
        // Eigenvalues stand in rising order.
        for (at, (vector, &variance)) in eigen.U().col_iter().zip(variances.iter()).rev().take(2).enumerate() {
            if variance <= NOISE * widest {
                continue;
            }
            let mut axis: Col<f64> = if by_rows { centred.transpose() * vector } else { vector.to_owned() };
            let largest =
                axis.iter().fold(0.0_f64, |most, &weight| if weight.abs() > most.abs() { weight } else { most });
            axis *= Scale(largest.signum() / axis.norm_l2());
            let scores = &centred * axis;
            for (point, score) in points.iter_mut().zip(scores.iter()) {
                point[at] = *score;
            }
            explained[at] = scores.squared_norm_l2() / total;
        }
        Some(Self { points, explained })
    }
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
