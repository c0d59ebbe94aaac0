//! A trained multi-label head: from features to a probability a label.

use ndarray::Array2;

use super::search::logistic;
use super::thresholds;
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::{HeadColumn, arrange};
use crate::matrix::Matrix;
use crate::objective::{Targets, Task, TrainingData};
use crate::principal_axes::PrincipalAxes;
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// A logistic regression for each label, on the same standardised features.
///
/// `logits = (x - mean) / scale · weightsᵀ + intercept`, where `x` is a row of all [`columns`](Self::columns) side by side; the
/// logistic function of each is the probability that the row has the label, whatever its other labels.
#[derive(Debug, Clone, PartialEq)]
pub struct MultilabelHead {
    /// The labels' names.
    pub labels: Vec<String>,
    /// The columns it reads, in order.
    pub columns: Vec<HeadColumn>,
    /// `[labels, width]`, in standardised space.
    pub weights: Array2<f64>,
    /// `[labels]`.
    pub intercept: Vec<f64>,
    /// Measured on train.
    pub standardiser: Standardiser,
    /// `[labels]`: a label is answered where its probability is this or more.
    pub thresholds: Vec<f64>,
    /// The class weights in the loss, for each label by itself.
    pub class_weight: ClassWeight,
    /// The strength of each label `[labels]`: its penalty was `|weights|² / (2 C)`.
    pub c: Vec<f64>,
}

impl MultilabelHead {
    /// The width of a row, all columns side by side.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// The probability of each label, float64 `[rows, labels]`. Columns are found by name; those the head does not read may be
    /// there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`],
    /// [`TrainError::NonFinite`].
    pub fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        let columns = arrange(&self.columns, columns)?;
        let rows = columns.first().map_or(0, |column| column.rows());
        check_columns(&columns, rows)?;
        let gold = Array2::from_elem((0, self.labels.len()), false);
        let data = TrainingData::<f64> {
            matrix: Matrix::new(&columns, &self.standardiser),
            targets: Targets::Labels(gold.view()),
            axes: PrincipalAxes::unturned(),
            outputs: 1,
        };
        let tasks: Vec<Task> = (0..self.labels.len())
            .map(|label| Task { row_weights: Vec::new(), relative: None, c: self.c[label], label })
            .collect();
        let points: Vec<Vec<f64>> = self
            .weights
            .rows()
            .into_iter()
            .zip(&self.intercept)
            .map(|(weights, intercept)| weights.iter().chain([intercept]).copied().collect())
            .collect();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        Ok(data.all_logits(&tasks.iter().collect::<Vec<_>>(), &points).mapv(logistic))
    }

    /// Is each label answered? `[rows, labels]`, by [`thresholds`](Self::thresholds).
    ///
    /// # Errors
    /// As [`probabilities`](Self::probabilities).
    pub fn predict(&self, columns: &[&FeatureColumn]) -> Result<Array2<bool>, TrainError> {
        Ok(self.answers(&self.probabilities(columns)?))
    }

    /// The answers `[rows, labels]` for probabilities `[rows, labels]`.
    pub fn answers(&self, probabilities: &Array2<f64>) -> Array2<bool> {
        thresholds::answers(probabilities, &self.thresholds)
    }
}
