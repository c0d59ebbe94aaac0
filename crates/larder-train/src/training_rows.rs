//! The rows that a head of one label a text is made of.

use crate::column::FeatureColumn;

/// Rows of texts in memory.
#[derive(Debug, Clone, Copy)]
pub struct TrainingRows<'a> {
    /// float32, `[rows, hidden_size]` each.
    pub columns: &'a [&'a FeatureColumn],
    /// The class of each row, `[rows]`: indices of `classes`.
    pub labels: &'a [usize],
    /// The classes' names.
    pub classes: &'a [String],
    /// The rows' ids, `[rows]`.
    pub ids: &'a [String],
    /// Vectors of the classes' names, `[classes, hidden_size]` for each of the columns and called as they are; empty for heads that do
    /// not compare with names.
    pub names: &'a [FeatureColumn],
}
