//! A trained head: from features to class probabilities.

use ndarray::Array2;

use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::logistic::Problem;
use crate::matrix::Matrix;
use crate::objective::{Targets, Task, TrainingData, outputs_of, probabilities_of};
use crate::principal_axes::PrincipalAxes;
use crate::select::answer;
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// A column that a head reads.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadColumn {
    /// The column's name in the features file.
    pub name: String,
    /// Its width.
    pub width: usize,
}

/// Logistic regression on standardised features.
///
/// `logits = (x - mean) / scale · weightsᵀ + intercept`, where `x` is a row of all [`columns`](Self::columns) side by
/// side. Two classes have one output, the log-odds of class 1 (the logistic function of it is the probability of
/// class 1); more classes have one output each (softmax).
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticHead {
    /// The classes' names, in the order of their indices.
    pub classes: Vec<String>,
    /// The columns it reads, in order.
    pub columns: Vec<HeadColumn>,
    /// `[outputs, width]` in standardised space.
    pub weights: Array2<f64>,
    /// `[outputs]`.
    pub intercept: Vec<f64>,
    /// Measured on train.
    pub standardiser: Standardiser,
    /// Two classes only: class 1 is answered where its probability is this or more.
    pub threshold: Option<f64>,
    /// The class weights in the loss.
    pub class_weight: ClassWeight,
    /// The strength it was trained with: the penalty was `|weights|² / (2 C)`.
    pub c: f64,
}

impl LogisticHead {
    /// The width of a row, all columns side by side.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// Class probabilities, float64 `[rows, classes]`, each row adding up to 1. Columns are found by name; those the
    /// head does not read may be there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`],
    /// [`TrainError::NonFinite`].
    pub fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        let columns = arrange(&self.columns, columns)?;
        let rows = columns.first().map_or(0, |column| column.rows());
        check_columns(&columns, rows)?;
        let batch = TrainingData::<f64> {
            matrix: Matrix::new(&columns, &self.standardiser),
            targets: Targets::Classes(&[]),
            axes: PrincipalAxes::unturned(),
            outputs: outputs_of(self.classes.len()),
        };
        let task = Task { row_weights: Vec::new(), relative: None, c: self.c, label: 0 };
        Ok(probabilities_of(&batch.logits(&[&task], &[&self.parameters()], &vec![0; rows])))
    }

    /// The class index answered for each row `[rows]`: by [`threshold`](Self::threshold) for two classes, else the
    /// most probable class (the first of several).
    ///
    /// # Errors
    /// As [`probabilities`](Self::probabilities).
    pub fn predict(&self, columns: &[&FeatureColumn]) -> Result<Vec<usize>, TrainError> {
        Ok(self.answers(&self.probabilities(columns)?))
    }

    /// The class indices `[rows]` answered for probabilities `[rows, classes]`.
    pub fn answers(&self, probabilities: &Array2<f64>) -> Vec<usize> {
        probabilities.rows().into_iter().map(|row| answer(row.iter().copied(), self.threshold)).collect()
    }

    /// Weights in row-major order, then intercepts.
    fn parameters(&self) -> Vec<f64> {
        self.weights.iter().chain(&self.intercept).copied().collect()
    }
}

/// A head's columns among those given, in the head's order.
pub(crate) fn arrange<'a>(
    wanted: &[HeadColumn],
    columns: &[&'a FeatureColumn],
) -> Result<Vec<&'a FeatureColumn>, TrainError> {
    wanted
        .iter()
        .map(|wanted| {
            let found = columns.iter().copied().find(|column| column.name == wanted.name);
            let column = found.ok_or_else(|| TrainError::MissingColumn {
                column: wanted.name.clone(),
                found: columns.iter().map(|column| column.name.clone()).collect(),
            })?;
            if column.width() != wanted.width {
                return Err(TrainError::WidthMismatch {
                    column: wanted.name.clone(),
                    found: column.width(),
                    expected: wanted.width,
                });
            }
            Ok(column)
        })
        .collect()
}

/// The exact objective, in float64 and nats, of a head on `columns` (`[rows, hidden_size]` each) and `labels` (`[rows]`): the *sum* over rows of the log-losses
/// (weighted as [`LogisticHead::class_weight`] says) plus `|weights|² / (2 C)`, the penalty being on the weights as
/// they are stored: in standardised space.
///
/// Any head may be judged by it, trained here or not; the smallest possible value does not depend on the solver.
///
/// # Errors
/// As [`LogisticHead::probabilities`]; [`TrainError::LabelOutOfRange`].
pub fn objective(head: &LogisticHead, columns: &[&FeatureColumn], labels: &[usize]) -> Result<f64, TrainError> {
    let columns = arrange(&head.columns, columns)?;
    check_columns(&columns, labels.len())?;
    check_labels(labels, head.classes.len())?;
    let problem = Problem {
        columns: &columns,
        standardiser: &head.standardiser,
        axes: PrincipalAxes::unturned(),
        labels,
        classes: head.classes.len(),
        class_weight: head.class_weight,
        c: head.c,
    };
    Ok(problem.objective(&head.parameters()))
}

/// Checks that every label is a class.
pub(crate) fn check_labels(labels: &[usize], classes: usize) -> Result<(), TrainError> {
    match labels.iter().position(|&label| label >= classes) {
        Some(row) => Err(TrainError::LabelOutOfRange { row, label: labels[row], classes }),
        None => Ok(()),
    }
}
