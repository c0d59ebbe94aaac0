//! Features brought to mean 0 and standard deviation 1, measured on train and stored with the head.
//!
//! One L2 strength is fair to every dimension only when the dimensions have one scale, and the solvers need
//! several times fewer iterations.

use serde::{Deserialize, Serialize};

use crate::column::FeatureColumn;

/// A standard deviation below this share of the largest absolute value is rounding noise: float32 carries
/// 2⁻²⁴ ≈ 6e-8 of a value, so such a dimension is constant and keeps scale 1.
const CONSTANT_BELOW: f64 = 1e-7;

/// Mean and standard deviation of each dimension, over the columns laid side by side: `z = (x - mean) / scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardiser {
    /// The mean of each dimension, `[width]`.
    pub mean: Vec<f64>,
    /// The standard deviation (of the population: divided by the number of rows) of each dimension, `[width]`;
    /// 1 where the dimension is constant.
    pub scale: Vec<f64>,
}

impl Standardiser {
    /// Leaves `width` dimensions as they are.
    pub fn identity(width: usize) -> Self {
        Self { mean: vec![0.0; width], scale: vec![1.0; width] }
    }

    /// Measures the columns `[rows, hidden_size]` side by side, in float64, in two passes (mean first, then squared
    /// differences, so a large mean costs no digits).
    pub fn fit(columns: &[&FeatureColumn]) -> Self {
        let parts: Vec<Self> =
            columns.iter().map(|column| Moments::by_fold(column, |_| 0, 1)[0].standardiser()).collect();
        Self::concatenate(&parts.iter().collect::<Vec<_>>())
    }

    /// Standardisers of columns, side by side.
    pub(crate) fn concatenate(parts: &[&Self]) -> Self {
        Self {
            mean: parts.iter().flat_map(|part| part.mean.iter().copied()).collect(),
            scale: parts.iter().flat_map(|part| part.scale.iter().copied()).collect(),
        }
    }

    /// The standardiser of some of the dimensions, side by side.
    pub(crate) fn select(&self, parts: &[std::ops::Range<usize>]) -> Self {
        let pick = |values: &[f64]| parts.iter().flat_map(|part| values[part.clone()].iter().copied()).collect();
        Self { mean: pick(&self.mean), scale: pick(&self.scale) }
    }

    /// The standardisation that turns features standardised by `outer` into features standardised by `self`.
    pub(crate) fn relative_to(&self, outer: &Self) -> Self {
        let means = self.mean.iter().zip(&outer.mean).zip(&outer.scale);
        Self {
            mean: means.map(|((mean, outer), scale)| (mean - outer) / scale).collect(),
            scale: self.scale.iter().zip(&outer.scale).map(|(scale, outer)| scale / outer).collect(),
        }
    }

    /// The number of dimensions.
    pub fn width(&self) -> usize {
        self.mean.len()
    }
}

/// A [`Standardiser`] measured a few rows at a time, in float64.
#[derive(Debug, Clone)]
pub struct StandardiserFit {
    width: usize,
    moments: Option<Moments>,
}

impl StandardiserFit {
    /// A fit for rows of `width` features; none has been added yet.
    pub fn new(width: usize) -> Self {
        Self { width, moments: None }
    }

    /// Takes rows `[width]` each. The same rows in other parts give the same numbers within rounding.
    pub fn add<'a>(&mut self, rows: impl Iterator<Item = &'a [f32]> + Clone) {
        let part = Moments::of_rows(self.width, rows);
        self.moments = Moments::merge(self.moments.iter().chain([&part]));
    }

    /// The standardiser of the rows added; the identity without any.
    pub fn finish(self) -> Standardiser {
        self.moments.map_or_else(|| Standardiser::identity(self.width), |moments| moments.standardiser())
    }
}

/// Mean and spread of one column over some of its rows; those of disjoint rows can be merged.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    rows: f64,
    mean: Vec<f64>,
    /// Sum of squared differences from the mean.
    squares: Vec<f64>,
    /// Largest absolute value.
    largest: Vec<f64>,
}

impl Moments {
    /// The moments of each fold's rows, `[folds]`.
    pub(crate) fn by_fold(column: &FeatureColumn, fold_of_row: impl Fn(usize) -> usize, folds: usize) -> Vec<Self> {
        let zeros = vec![0.0; column.width()];
        let none = Self { rows: 0.0, mean: zeros.clone(), squares: zeros.clone(), largest: zeros };
        let mut moments = vec![none; folds];
        for (row, values) in column.values.rows().into_iter().enumerate() {
            let fold = &mut moments[fold_of_row(row)];
            fold.rows += 1.0;
            for ((sum, largest), &value) in fold.mean.iter_mut().zip(&mut fold.largest).zip(values) {
                *sum += f64::from(value);
                *largest = largest.max(f64::from(value).abs());
            }
        }
        for fold in &mut moments {
            let rows = fold.rows.max(1.0);
            fold.mean.iter_mut().for_each(|sum| *sum /= rows);
        }
        for (row, values) in column.values.rows().into_iter().enumerate() {
            let fold = &mut moments[fold_of_row(row)];
            for ((square, mean), &value) in fold.squares.iter_mut().zip(&fold.mean).zip(values) {
                let difference = f64::from(value) - mean;
                *square += difference * difference;
            }
        }
        moments
    }

    /// The moments of rows `[width]` each.
    pub(crate) fn of_rows<'a>(width: usize, rows: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let zeros = vec![0.0; width];
        let mut found = Self { rows: 0.0, mean: zeros.clone(), squares: zeros.clone(), largest: zeros };
        for values in rows.clone() {
            found.rows += 1.0;
            for ((sum, largest), &value) in found.mean.iter_mut().zip(&mut found.largest).zip(values) {
                *sum += f64::from(value);
                *largest = largest.max(f64::from(value).abs());
            }
        }
        let count = found.rows.max(1.0);
        found.mean.iter_mut().for_each(|sum| *sum /= count);
        for values in rows {
            for ((square, mean), &value) in found.squares.iter_mut().zip(&found.mean).zip(values) {
                let difference = f64::from(value) - mean;
                *square += difference * difference;
            }
        }
        found
    }

    /// The moments of all rows of several parts: Chan, Golub and LeVeque (1979), the pairwise update.
    pub(crate) fn merge<'a>(mut parts: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut merged = parts.next()?.clone();
        for part in parts {
            let rows = merged.rows + part.rows;
            if part.rows == 0.0 {
                continue;
            }
            for dimension in 0..merged.mean.len() {
                let difference = part.mean[dimension] - merged.mean[dimension];
                merged.mean[dimension] += difference * part.rows / rows;
                merged.squares[dimension] +=
                    part.squares[dimension] + difference * difference * merged.rows * part.rows / rows;
                merged.largest[dimension] = merged.largest[dimension].max(part.largest[dimension]);
            }
            merged.rows = rows;
        }
        Some(merged)
    }

    pub(crate) fn standardiser(&self) -> Standardiser {
        let rows = self.rows.max(1.0);
        let scales = self.squares.iter().zip(&self.largest).map(|(square, largest)| {
            let deviation = (square / rows).sqrt();
            if deviation > largest * CONSTANT_BELOW { deviation } else { 1.0 }
        });
        Standardiser { mean: self.mean.clone(), scale: scales.collect() }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn a_large_mean_costs_no_digits_and_a_constant_keeps_scale_one() {
        // Dimension 0: 1e6 ± 1; a one-pass E[x²] - E[x]² in float32 would give noise. Dimension 1: constant.
        let values = Array2::from_shape_fn((1000, 3), |(row, dimension)| match dimension {
            0 => 1e6 + if row % 2 == 0 { 1.0 } else { -1.0 },
            1 => 0.1,
            _ => row as f32,
        });
        let standardiser = Standardiser::fit(&[&FeatureColumn::new("mean", values)]);
        assert_eq!(standardiser.mean[0], 1e6);
        assert!((standardiser.scale[0] - 1.0).abs() < 1e-12);
        assert_eq!(standardiser.scale[1], 1.0);
        assert!((standardiser.mean[2] - 499.5).abs() < 1e-9);
        // The deviation of 0..1000: sqrt((1000² - 1) / 12).
        assert!((standardiser.scale[2] - (999_999.0f64 / 12.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn columns_are_laid_side_by_side() {
        let first = FeatureColumn::new("cls", Array2::from_elem((4, 2), 3.0));
        let second = FeatureColumn::new("mean", Array2::from_shape_fn((4, 1), |(row, _)| row as f32));
        let standardiser = Standardiser::fit(&[&first, &second]);
        assert_eq!(standardiser.mean, [3.0, 3.0, 1.5]);
        assert_eq!(standardiser.width(), 3);
    }

    #[test]
    fn merged_folds_are_all_rows() {
        let column = FeatureColumn::new(
            "mean",
            Array2::from_shape_fn((37, 3), |(row, dimension)| ((row * 31 + dimension * 7) % 17) as f32 - 300.0),
        );
        let folds = Moments::by_fold(&column, |row| row % 4, 4);
        let merged = Moments::merge(folds.iter()).unwrap().standardiser();
        let whole = Standardiser::fit(&[&column]);
        for dimension in 0..3 {
            // Both are float64 sums of 37 numbers: only the last digits may differ.
            assert!((merged.mean[dimension] - whole.mean[dimension]).abs() < 1e-11);
            assert!((merged.scale[dimension] - whole.scale[dimension]).abs() < 1e-11);
        }
    }

    #[test]
    fn relative_after_outer_is_the_standardiser_itself() {
        let inner = Standardiser { mean: vec![3.0], scale: vec![2.0] };
        let outer = Standardiser { mean: vec![2.5], scale: vec![4.0] };
        let relative = inner.relative_to(&outer);
        let outer_value = (7.0 - 2.5) / 4.0;
        assert!(((outer_value - relative.mean[0]) / relative.scale[0] - (7.0 - 3.0) / 2.0f64).abs() < 1e-15);
    }
}
