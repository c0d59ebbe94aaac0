//! The comparison of one column.

use serde::Serialize;

/// The comparison of one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifiedColumn {
    /// The column.
    pub column: String,
    /// The largest difference of an element; infinite if either value is not finite.
    pub largest_absolute: f64,
    /// The largest difference relative to the root mean square of the row's new vector.
    pub largest_relative: f64,
    /// The row of `largest_relative`, zero-based; `None` if all are equal.
    pub worst_row: Option<usize>,
}

impl VerifiedColumn {
    pub(super) fn new(column: &str) -> Self {
        Self { column: column.to_owned(), largest_absolute: 0.0, largest_relative: 0.0, worst_row: None }
    }

    /// Adds a row's vectors; returns the largest difference relative to the root mean square of the new one.
    pub(super) fn add(&mut self, row: usize, old: &[f32], new: &[f32]) -> f64 {
        let difference = |(old, new): (&f32, &f32)| {
            let difference = (f64::from(*old) - f64::from(*new)).abs();
            // NaN counts as the largest difference.
            if difference.is_nan() { f64::INFINITY } else { difference }
        };
        let absolute = old.iter().zip(new).map(difference).fold(0.0, f64::max);
        let squares: f64 = new.iter().map(|&value| f64::from(value).powi(2)).sum();
        let scale = (squares / new.len().max(1) as f64).sqrt();
        let relative = if absolute == 0.0 { 0.0 } else { absolute / scale };
        self.largest_absolute = self.largest_absolute.max(absolute);
        if relative > self.largest_relative {
            self.largest_relative = relative;
            self.worst_row = Some(row);
        }
        relative
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_count_against_the_new_vector_and_nan_is_the_largest() {
        let mut column = VerifiedColumn::new("mean");
        assert_eq!(column.add(0, &[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert_eq!(column.worst_row, None);
        let relative = column.add(1, &[3.0, 4.5], &[3.0, 4.0]);
        assert!((relative - 0.5 / 12.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(column.add(2, &[f32::NAN, 4.0], &[3.0, 4.0]), f64::INFINITY);
        assert_eq!((column.worst_row, column.largest_absolute), (Some(2), f64::INFINITY));
    }
}
