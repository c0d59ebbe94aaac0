//! The features a head is trained on, as matrices.

use ndarray::Array2;

use crate::error::TrainError;

/// One column of cached features: one vector a row, from one layer and one pooling of the encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureColumn {
    /// The column's name in the features file: `mean` (last layer), `mean_l4`, `cls_l0`, `embedding`.
    pub name: String,
    /// The vectors, float32, `[rows, hidden_size]`.
    pub values: Array2<f32>,
}

impl FeatureColumn {
    /// Names a matrix of features `[rows, hidden_size]`.
    pub fn new(name: impl Into<String>, values: Array2<f32>) -> Self {
        Self { name: name.into(), values }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.values.nrows()
    }

    /// The width of a row: the encoder's hidden size.
    pub fn width(&self) -> usize {
        self.values.ncols()
    }

    /// The pooling of the column: its name without the layer (`mean` for `mean_l4`, `mean` and `mean_l4_normalised`).
    pub fn pooling(&self) -> &str {
        let name = self.name.strip_suffix("_normalised").unwrap_or(&self.name);
        match name.rsplit_once("_l") {
            Some((pooling, layer)) if !pooling.is_empty() && layer.parse::<i64>().is_ok() => pooling,
            _ => name,
        }
    }
}

/// Checks that all columns have as many rows as there are labels, at least one dimension, and only finite values.
pub(crate) fn check_columns(columns: &[&FeatureColumn], rows: usize) -> Result<(), TrainError> {
    if columns.is_empty() {
        return Err(TrainError::NoColumns);
    }
    for (position, column) in columns.iter().enumerate() {
        if columns[..position].iter().any(|earlier| earlier.name == column.name) {
            return Err(TrainError::DuplicateColumn { column: column.name.clone() });
        }
        if column.width() == 0 {
            return Err(TrainError::EmptyColumn { column: column.name.clone() });
        }
        if column.rows() != rows {
            return Err(TrainError::RowMismatch { column: column.name.clone(), found: column.rows(), expected: rows });
        }
        if let Some(((row, dimension), value)) = column.values.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(TrainError::NonFinite { column: column.name.clone(), row, dimension, value: *value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> FeatureColumn {
        FeatureColumn::new(name, Array2::from_shape_fn((3, 2), |(row, dimension)| (row + dimension) as f32))
    }

    #[test]
    fn the_pooling_is_the_name_without_the_layer() {
        for (name, pooling) in [
            ("mean", "mean"),
            ("mean_l4", "mean"),
            ("cls_l0", "cls"),
            ("embedding_l-2", "embedding"),
            ("mean_l4_normalised", "mean"),
            ("published_normalised", "published"),
            ("max_long", "max_long"),
            ("_l3", "_l3"),
        ] {
            assert_eq!(column(name).pooling(), pooling, "{name}");
        }
    }

    #[test]
    fn a_non_finite_value_is_named_with_its_place() {
        let mut bad = column("mean_l2");
        bad.values[[2, 1]] = f32::NAN;
        let error = check_columns(&[&column("mean"), &bad], 3).unwrap_err().to_string();
        assert!(error.contains("mean_l2") && error.contains("row 2") && error.contains("dimension 1"), "{error}");
    }

    #[test]
    fn wrong_rows_no_columns_and_twins_are_refused() {
        assert!(matches!(check_columns(&[], 3), Err(TrainError::NoColumns)));
        assert!(matches!(
            check_columns(&[&column("mean")], 4),
            Err(TrainError::RowMismatch { found: 3, expected: 4, .. })
        ));
        let (first, second) = (column("mean"), column("mean"));
        assert!(matches!(check_columns(&[&first, &second], 3), Err(TrainError::DuplicateColumn { .. })));
    }
}
