//! Counts of gold against predicted classes, for one predictor and for two on the same rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::classification::Margins;
use crate::error::{ClassRole, MetricsError};

/// The confusion matrix: counts `[gold, predicted]` of rows, at least one row in all.
///
/// Serialised as a list of rows, `[[gold 0 predicted 0, gold 0 predicted 1, …], …]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<u64>>", into = "Vec<Vec<u64>>")]
pub struct ConfusionMatrix {
    classes: usize,
    /// Row-major `[gold, predicted]`.
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// Counts the rows of `gold` and `predicted`, both `[rows]` of class indices below `classes`.
    ///
    /// # Errors
    /// [`MetricsError::LengthMismatch`], [`MetricsError::NoRows`], or [`MetricsError::ClassOutOfRange`] with the
    /// row.
    pub fn from_classes(gold: &[usize], predicted: &[usize], classes: usize) -> Result<Self, MetricsError> {
        check_rows(gold, predicted, "predicted", classes)?;
        let mut counts = vec![0; classes * classes];
        for (&gold, &predicted) in gold.iter().zip(predicted) {
            counts[gold * classes + predicted] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of rows counted.
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Rows of class `gold` that were answered with class `predicted`; 0 for a class that does not exist.
    pub fn count(&self, gold: usize, predicted: usize) -> u64 {
        if gold >= self.classes || predicted >= self.classes {
            return 0;
        }
        self.counts[gold * self.classes + predicted]
    }

    /// Rows of each gold class, `[classes]`: the support.
    pub fn gold_counts(&self) -> Vec<u64> {
        self.margins().gold
    }

    /// Answers of each class, `[classes]`.
    pub fn predicted_counts(&self) -> Vec<u64> {
        self.margins().predicted
    }

    pub(crate) fn margins(&self) -> Margins {
        let mut margins = Margins::new(self.classes);
        for (gold, predicted, count) in self.cells() {
            margins.add(gold, predicted, count);
        }
        margins
    }

    /// The cells that are not zero: gold, predicted, count.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let classes = self.classes;
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(move |(cell, &count)| (cell / classes, cell % classes, count))
    }
}

impl TryFrom<Vec<Vec<u64>>> for ConfusionMatrix {
    type Error = MetricsError;

    fn try_from(rows: Vec<Vec<u64>>) -> Result<Self, MetricsError> {
        let classes = rows.len();
        if let Some((row, columns)) = rows.iter().enumerate().find(|(_, columns)| columns.len() != classes) {
            return Err(MetricsError::NotSquare { row, found: columns.len(), expected: classes });
        }
        let counts = rows.concat();
        if counts.iter().all(|&count| count == 0) {
            return Err(MetricsError::NoRows);
        }
        Ok(Self { classes, counts })
    }
}

impl From<ConfusionMatrix> for Vec<Vec<u64>> {
    fn from(matrix: ConfusionMatrix) -> Self {
        matrix.counts.chunks(matrix.classes).map(<[u64]>::to_vec).collect()
    }
}

/// Two predictors on the same rows: how often each (gold, first, second) occurs.
///
/// Every score of either predictor, and every difference of such scores, depends on these counts alone, so they
/// are all that a paired bootstrap needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairedConfusion {
    classes: usize,
    cells: Vec<([usize; 3], u64)>,
}

impl PairedConfusion {
    /// Counts the rows of three slices `[rows]` of class indices below `classes`.
    ///
    /// # Errors
    /// As [`ConfusionMatrix::from_classes`], for either predictor.
    pub fn from_classes(
        gold: &[usize],
        first: &[usize],
        second: &[usize],
        classes: usize,
    ) -> Result<Self, MetricsError> {
        check_rows(gold, first, "the first predictor", classes)?;
        check_rows(gold, second, "the second predictor", classes)?;
        // Ordered, so that one seed always draws the same resamples.
        let mut cells = BTreeMap::new();
        for ((&gold, &first), &second) in gold.iter().zip(first).zip(second) {
            *cells.entry([gold, first, second]).or_insert(0) += 1;
        }
        Ok(Self { classes, cells: cells.into_iter().collect() })
    }

    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// The cells that are not zero: gold, first, second; and their count.
    pub(crate) fn cells(&self) -> &[([usize; 3], u64)] {
        &self.cells
    }
}

pub(crate) fn check_rows(
    gold: &[usize],
    predicted: &[usize],
    other: &'static str,
    classes: usize,
) -> Result<(), MetricsError> {
    if gold.len() != predicted.len() {
        return Err(MetricsError::LengthMismatch { gold: gold.len(), other, found: predicted.len() });
    }
    if gold.is_empty() {
        return Err(MetricsError::NoRows);
    }
    check_classes(gold, ClassRole::Gold, classes)?;
    check_classes(predicted, ClassRole::Predicted, classes)
}

pub(crate) fn check_classes(found: &[usize], role: ClassRole, classes: usize) -> Result<(), MetricsError> {
    match found.iter().enumerate().find(|(_, class)| **class >= classes) {
        Some((row, &class)) => Err(MetricsError::ClassOutOfRange { row, role, class, classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_gold_by_predicted() {
        let matrix = ConfusionMatrix::from_classes(&[0, 0, 2], &[1, 1, 2], 3).unwrap();
        assert_eq!(matrix.count(0, 1), 2);
        assert_eq!(matrix.count(1, 0), 0);
        assert_eq!(matrix.count(7, 0), 0);
        assert_eq!(matrix.gold_counts(), [2, 0, 1]);
        assert_eq!(matrix.predicted_counts(), [0, 2, 1]);
        assert_eq!(matrix.rows(), 3);
    }

    #[test]
    fn serialised_as_rows_and_read_back() {
        let matrix = ConfusionMatrix::from_classes(&[0, 1, 1], &[0, 0, 1], 2).unwrap();
        let json = serde_json::to_string(&matrix).unwrap();
        assert_eq!(json, "[[1,0],[1,1]]");
        assert_eq!(serde_json::from_str::<ConfusionMatrix>(&json).unwrap(), matrix);
        let error = serde_json::from_str::<ConfusionMatrix>("[[1,0],[1]]").unwrap_err().to_string();
        assert!(error.contains("row 1 has 1 columns, expected 2"), "{error}");
        assert!(serde_json::from_str::<ConfusionMatrix>("[]").unwrap_err().to_string().contains("no rows"));
    }

    #[test]
    fn malformed_rows_are_refused() {
        let error = ConfusionMatrix::from_classes(&[0, 1], &[0], 2).unwrap_err();
        assert_eq!(error, MetricsError::LengthMismatch { gold: 2, other: "predicted", found: 1 });
        assert_eq!(ConfusionMatrix::from_classes(&[], &[], 2).unwrap_err(), MetricsError::NoRows);
        let error = ConfusionMatrix::from_classes(&[0, 1], &[0, 2], 2).unwrap_err().to_string();
        assert_eq!(error, "row 1: predicted class 2 does not exist, the task has 2 classes (0 to 1)");
        assert!(ConfusionMatrix::from_classes(&[0], &[0], 0).is_err());
    }

    #[test]
    fn pairs_are_counted_once_per_combination() {
        let paired = PairedConfusion::from_classes(&[1, 0, 1], &[1, 1, 1], &[0, 0, 0], 2).unwrap();
        assert_eq!(paired.cells(), [([0, 1, 0], 1), ([1, 1, 0], 2)]);
    }
}
