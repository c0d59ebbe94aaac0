//! A multi-layer perceptron as a head: from features to class probabilities.
//!
//! Answers are computed here without a runtime; training takes a graph.

use ndarray::Array2;
use rayon::prelude::*;

use crate::column::{FeatureColumn, check_columns};
use crate::erf::gelu;
use crate::error::TrainError;
use crate::head::{HeadColumn, arrange};
use crate::matrix::Matrix;
use crate::objective::probabilities_of;
use crate::select::answer;
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// Rows that one thread takes at a time. What is answered to a row does not depend on the rows beside it: every element of
/// a product is summed in one order.
const BLOCK_ROWS: usize = 256;

/// One layer of a perceptron: `x · weightᵀ + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpLayer {
    /// `[out, in]`.
    pub weight: Array2<f32>,
    /// `[out]`.
    pub bias: Vec<f32>,
}

/// A multi-layer perceptron on standardised features: `(x - mean) / scale`, then a [`MlpLayer`] after the other, with GELU
/// (the one with the error function) between them, then softmax.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpHead {
    /// The classes' names, in the order of their indices.
    pub classes: Vec<String>,
    /// The columns it reads, in order.
    pub columns: Vec<HeadColumn>,
    /// From the features on; the last one has an output a class.
    pub layers: Vec<MlpLayer>,
    /// Measured on train.
    pub standardiser: Standardiser,
    /// Two classes only: class 1 is answered where its probability is this or more.
    pub threshold: Option<f64>,
    /// The class weights in the loss.
    pub class_weight: ClassWeight,
}

impl MlpHead {
    /// The width of a row, all columns side by side.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// The logits, float32 `[rows, classes]`. Columns are found by name; those the head does not read may be
    /// there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`],
    /// [`TrainError::NonFinite`].
    pub fn logits(&self, columns: &[&FeatureColumn]) -> Result<Array2<f32>, TrainError> {
        let columns = arrange(&self.columns, columns)?;
        let rows = columns.first().map_or(0, |column| column.rows());
        check_columns(&columns, rows)?;
        let matrix = Matrix::<f32>::new(&columns, &self.standardiser);
        let classes = self.classes.len();
        let mut logits = Array2::zeros((rows, classes));
        let blocks = logits.as_slice_mut().expect("a new matrix is in row-major order");
        blocks.par_chunks_mut(BLOCK_ROWS * classes).enumerate().for_each(|(block, logits)| {
            let mut features = Array2::zeros((logits.len() / classes, self.width()));
            matrix.fill(block * BLOCK_ROWS, features.as_slice_mut().expect("a new matrix is in row-major order"));
            logits.iter_mut().zip(&self.forward(features)).for_each(|(logit, found)| *logit = *found);
        });
        Ok(logits)
    }

    /// `[rows, width]` in standardised space to `[rows, classes]`.
    fn forward(&self, features: Array2<f32>) -> Array2<f32> {
        let mut values = features;
        for (place, layer) in self.layers.iter().enumerate() {
            let mut next = values.dot(&layer.weight.t());
            for mut row in next.rows_mut() {
                row.iter_mut().zip(&layer.bias).for_each(|(value, bias)| *value += bias);
            }
            if place + 1 < self.layers.len() {
                next.mapv_inplace(gelu);
            }
            values = next;
        }
        values
    }

    /// Class probabilities, float64 `[rows, classes]`, each row adding up to 1.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        Ok(probabilities_of(&self.logits(columns)?.mapv(f64::from)))
    }

    /// The class index answered for each row `[rows]`: by [`threshold`](Self::threshold) for two classes, else the
    /// most probable class (the first of several).
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn predict(&self, columns: &[&FeatureColumn]) -> Result<Vec<usize>, TrainError> {
        Ok(self.answers(&self.probabilities(columns)?))
    }

    /// The class indices `[rows]` answered for probabilities `[rows, classes]`.
    pub fn answers(&self, probabilities: &Array2<f64>) -> Vec<usize> {
        probabilities.rows().into_iter().map(|row| answer(row.iter().copied(), self.threshold)).collect()
    }
}
