//! Rows of features, standardised and brought to unit length.

use ndarray::Array2;
use rayon::prelude::*;

use crate::column::FeatureColumn;
use crate::matrix::Matrix;
use crate::standardise::Standardiser;

/// Rows of one block of products.
pub(super) const BLOCK_ROWS: usize = 256;

/// Returns the columns side by side, `[rows, width]`, each row standardised and then divided by its length. A row without length
/// stays 0: it is equally far from everything.
pub(super) fn unit_rows(columns: &[&FeatureColumn], standardiser: &Standardiser) -> Array2<f32> {
    let matrix = Matrix::<f32>::new(columns, standardiser);
    let width = matrix.width();
    let mut values = vec![0.0_f32; matrix.rows() * width];
    values.par_chunks_mut(BLOCK_ROWS * width).enumerate().for_each(|(block, rows)| {
        matrix.fill(block * BLOCK_ROWS, rows);
        rows.chunks_exact_mut(width).for_each(to_unit_length);
    });
    Array2::from_shape_vec((matrix.rows(), width), values).expect("a value was made for each place")
}

/// Divides a vector by its length, unless that is 0.
pub(super) fn to_unit_length(row: &mut [f32]) {
    let length = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_length_one_and_a_row_of_zeros_stays() {
        let values = Array2::from_shape_vec((3, 2), vec![3.0, 4.0, 0.0, 0.0, -1e-20, 0.0]).unwrap();
        let column = FeatureColumn::new("mean", values);
        let rows = unit_rows(&[&column], &Standardiser::identity(2));
        assert_eq!(rows.as_slice().unwrap(), [0.6, 0.8, 0.0, 0.0, -1.0, 0.0]);
    }
}
