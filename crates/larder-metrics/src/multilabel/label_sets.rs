//! Rows with any number of labels.

use crate::classification::check_probability;
use crate::error::MetricsError;

/// A set of labels for each row: booleans `[rows, labels]`, with at least one row and one label. A set may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSets {
    labels: usize,
    /// Row-major `[rows, labels]`.
    values: Vec<bool>,
}

impl LabelSets {
    /// Takes `values`, row-major `[rows, labels]`.
    ///
    /// # Errors
    /// [`MetricsError::NoLabels`], [`MetricsError::NoRows`], [`MetricsError::IncompleteRow`].
    pub fn new(values: Vec<bool>, labels: usize) -> Result<Self, MetricsError> {
        check_shape(values.len(), labels)?;
        Ok(Self { labels, values })
    }

    /// Marks the labels of each row, whose indices `rows` lists (`[rows]` of indices below `labels`).
    ///
    /// # Errors
    /// [`MetricsError::NoLabels`], [`MetricsError::NoRows`], or [`MetricsError::LabelOutOfRange`] with the row.
    pub fn from_indices<R: AsRef<[usize]>>(rows: &[R], labels: usize) -> Result<Self, MetricsError> {
        let mut values = vec![false; rows.len() * labels];
        check_shape(values.len(), labels)?;
        for (row, indices) in rows.iter().enumerate() {
            for &label in indices.as_ref() {
                if label >= labels {
                    return Err(MetricsError::LabelOutOfRange { row, label, labels });
                }
                values[row * labels + label] = true;
            }
        }
        Ok(Self { labels, values })
    }

    /// Marks every label whose probability is at or above the threshold of that label. `probabilities` is row-major
    /// `[rows, labels]`, `thresholds` is `[labels]`.
    ///
    /// # Errors
    /// [`MetricsError::NoLabels`], [`MetricsError::NoRows`], [`MetricsError::IncompleteRow`];
    /// [`MetricsError::InvalidProbability`] with the row.
    pub fn from_thresholds(probabilities: &[f64], thresholds: &[f64]) -> Result<Self, MetricsError> {
        let labels = thresholds.len();
        check_shape(probabilities.len(), labels)?;
        check_probabilities(probabilities, labels)?;
        let answers = |row: &[f64]| row.iter().zip(thresholds).map(|(p, at)| p >= at).collect::<Vec<bool>>();
        Ok(Self { labels, values: probabilities.chunks_exact(labels).flat_map(answers).collect() })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.labels
    }

    /// Number of labels of the task.
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// Iterates over the rows, each `[labels]`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[bool]> {
        self.values.chunks_exact(self.labels)
    }

    /// Iterates over one label of every row, `[rows]`; without any where the label does not exist.
    pub fn column(&self, label: usize) -> impl Iterator<Item = bool> {
        self.iter().filter_map(move |row| row.get(label).copied())
    }

    /// Counts the rows that have each label, `[labels]`.
    pub fn label_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.labels];
        for row in self.iter() {
            for label in indices(row) {
                counts[label] += 1;
            }
        }
        counts
    }

    /// Counts the rows that have both of two labels, `[labels, labels]`: symmetric, with
    /// [`label_counts`](Self::label_counts) on the diagonal.
    pub fn cooccurrence(&self) -> Vec<Vec<u64>> {
        let mut counts = vec![vec![0; self.labels]; self.labels];
        for row in self.iter() {
            for first in indices(row) {
                for second in indices(row) {
                    counts[first][second] += 1;
                }
            }
        }
        counts
    }

    /// Checks that `other`, called `name` in the error, has the same rows and labels.
    pub(crate) fn check_same_shape(&self, other: &Self, name: &'static str) -> Result<(), MetricsError> {
        if self.labels != other.labels {
            return Err(MetricsError::LabelCount { gold: self.labels, other: name, found: other.labels });
        }
        if self.rows() != other.rows() {
            return Err(MetricsError::LengthMismatch { gold: self.rows(), other: name, found: other.rows() });
        }
        Ok(())
    }
}

/// The labels that a row has, ascending.
pub(crate) fn indices(row: &[bool]) -> impl Iterator<Item = usize> {
    row.iter().enumerate().filter_map(|(label, &has)| has.then_some(label))
}

fn check_shape(values: usize, labels: usize) -> Result<(), MetricsError> {
    if labels == 0 {
        return Err(MetricsError::NoLabels);
    }
    if values == 0 {
        return Err(MetricsError::NoRows);
    }
    if !values.is_multiple_of(labels) {
        return Err(MetricsError::IncompleteRow { row: values / labels, labels, found: values % labels });
    }
    Ok(())
}

/// `probabilities` is row-major `[rows, labels]`.
pub(crate) fn check_probabilities(probabilities: &[f64], labels: usize) -> Result<(), MetricsError> {
    probabilities.iter().enumerate().try_for_each(|(at, &value)| check_probability(at / labels, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_in_agree() {
        let sets = LabelSets::new(vec![true, false, false, true, true, false], 2).unwrap();
        assert_eq!(LabelSets::from_indices(&[vec![0], vec![1], vec![0]], 2).unwrap(), sets);
        assert_eq!(LabelSets::from_thresholds(&[0.5, 0.2, 0.4, 0.3, 1.0, 0.0], &[0.5, 0.3]).unwrap(), sets);
        assert_eq!((sets.rows(), sets.labels()), (3, 2));
        assert_eq!(sets.column(1).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(sets.column(2).count(), 0);
    }

    #[test]
    fn labels_are_counted_alone_and_together() {
        let sets = LabelSets::from_indices(&[vec![0, 2], vec![], vec![2], vec![0, 1, 2]], 3).unwrap();
        assert_eq!(sets.label_counts(), [2, 1, 3]);
        assert_eq!(sets.cooccurrence(), [[2, 1, 2], [1, 1, 1], [2, 1, 3]]);
    }

    #[test]
    fn malformed_sets_are_refused() {
        assert_eq!(LabelSets::new(vec![], 2).unwrap_err(), MetricsError::NoRows);
        assert_eq!(LabelSets::new(vec![true], 0).unwrap_err(), MetricsError::NoLabels);
        assert_eq!(LabelSets::from_indices(&[[0_usize; 0]], 0).unwrap_err(), MetricsError::NoLabels);
        let error = LabelSets::new(vec![true; 5], 2).unwrap_err();
        assert_eq!(error, MetricsError::IncompleteRow { row: 2, labels: 2, found: 1 });
        let error = LabelSets::from_indices(&[[0], [2]], 2).unwrap_err();
        assert_eq!(error, MetricsError::LabelOutOfRange { row: 1, label: 2, labels: 2 });
        let error = LabelSets::from_thresholds(&[0.1, 0.2, f64::NAN, 0.3], &[0.5, 0.5]).unwrap_err();
        assert!(matches!(error, MetricsError::InvalidProbability { row: 1, .. }));
    }
}
