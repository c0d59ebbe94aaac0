//! A trained ridge regression: from features to a number a row.

use ndarray::Array2;

use crate::clip::clip;
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::{HeadColumn, arrange};
use crate::matrix::Matrix;
use crate::objective::{Targets, Task, TrainingData};
use crate::principal_axes::PrincipalAxes;
use crate::standardise::Standardiser;

/// Ridge regression on standardised features.
///
/// `answer = (x - mean) / scale · weights + intercept`, clipped to [`minimum`](Self::minimum) and [`maximum`](Self::maximum),
/// where `x` is a row of all [`columns`](Self::columns) side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeHead {
    /// The columns it reads, in order.
    pub columns: Vec<HeadColumn>,
    /// `[width]`, in standardised space.
    pub weights: Vec<f64>,
    /// The answer to the mean of the training features: the mean of the training targets.
    pub intercept: f64,
    /// Measured on train.
    pub standardiser: Standardiser,
    /// The penalty it was trained with: `|y - Z w - b|² + alpha |w|²` was minimised.
    pub alpha: f64,
    /// The smallest answer; lower ones are raised to it.
    pub minimum: Option<f64>,
    /// The largest answer; higher ones are lowered to it.
    pub maximum: Option<f64>,
}

impl RidgeHead {
    /// The width of a row, all columns side by side.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// The answers, float64 `[rows]`, in the unit of the training targets. Columns are found by name; those the head does not
    /// read may be there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`],
    /// [`TrainError::NonFinite`].
    pub fn predict(&self, columns: &[&FeatureColumn]) -> Result<Vec<f64>, TrainError> {
        let columns = arrange(&self.columns, columns)?;
        let rows = columns.first().map_or(0, |column| column.rows());
        check_columns(&columns, rows)?;
        let batch = TrainingData::<f64> {
            matrix: Matrix::new(&columns, &self.standardiser),
            targets: Targets::Classes(&[]),
            axes: PrincipalAxes::unturned(),
            outputs: 1,
        };
        let task = Task { row_weights: Vec::new(), relative: None, c: 1.0, label: 0 };
        let parameters: Vec<f64> = self.weights.iter().copied().chain([self.intercept]).collect();
        let linear: Array2<f64> = batch.logits(&[&task], &[&parameters], &vec![0; rows]);
        Ok(linear.iter().map(|&answer| self.clip(answer)).collect())
    }

    /// The nearest number that the head may answer.
    pub(crate) fn clip(&self, answer: f64) -> f64 {
        clip(answer, self.minimum, self.maximum)
    }
}
