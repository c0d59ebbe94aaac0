//! A multi-layer perceptron as a head: from features to class probabilities, label sets, or numbers.
//!
//! Answers are computed here without a runtime; training takes a graph.

use ndarray::Array2;
use rayon::prelude::*;

use super::output::MlpOutput;
use crate::clip::clip;
use crate::column::{FeatureColumn, check_columns};
use crate::erf::gelu;
use crate::error::TrainError;
use crate::head::{HeadColumn, arrange};
use crate::matrix::Matrix;
use crate::objective::probabilities_of;
use crate::select::answer;
use crate::standardise::Standardiser;
use crate::threshold::HALF;
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
/// (the one with the error function) between them, then what [`output`](Self::output) says.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpHead {
    /// The names of the classes, or of the labels of which a row has any number, in the order of their indices; of a head that
    /// answers a number there are none.
    pub classes: Vec<String>,
    /// The columns it reads, in order.
    pub columns: Vec<HeadColumn>,
    /// From the features on; the last one has an output a class or label, or one.
    pub layers: Vec<MlpLayer>,
    /// Measured on train.
    pub standardiser: Standardiser,
    /// The meaning of the last layer's outputs.
    pub output: MlpOutput,
    /// The class weights in the loss; none where a row does not have one class.
    pub class_weight: ClassWeight,
}

impl MlpHead {
    /// The width of a row, all columns side by side.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// The threshold of a head of two classes.
    pub fn threshold(&self) -> Option<f64> {
        match &self.output {
            MlpOutput::Softmax { threshold } => *threshold,
            MlpOutput::Sigmoid { .. } | MlpOutput::Number { .. } => None,
        }
    }

    /// The outputs of the last layer, float32 `[rows, classes]`. Columns are found by name; those the head does not read may be
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
        let classes = self.layers.last().map_or(0, |last| last.bias.len());
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

    /// Probabilities, float64 `[rows, classes]`: of classes each row adds up to 1, of labels each stands for itself.
    ///
    /// # Errors
    /// As [`logits`](Self::logits); [`TrainError::OtherOutput`] of a head that answers a number.
    pub fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        let logits = || Ok::<_, TrainError>(self.logits(columns)?.mapv(f64::from));
        match &self.output {
            MlpOutput::Softmax { .. } => Ok(probabilities_of(&logits()?)),
            MlpOutput::Sigmoid { .. } => Ok(logits()?.mapv(|logit| 1.0 / (1.0 + (-logit).exp()))),
            MlpOutput::Number { .. } => Err(self.other_output("probabilities")),
        }
    }

    /// Is each label answered? `[rows, labels]`.
    ///
    /// # Errors
    /// As [`logits`](Self::logits); [`TrainError::OtherOutput`] of a head that answers no label sets.
    pub fn predict_sets(&self, columns: &[&FeatureColumn]) -> Result<Array2<bool>, TrainError> {
        let MlpOutput::Sigmoid { .. } = &self.output else { return Err(self.other_output("a set of labels a row")) };
        Ok(self.answer_sets(&self.probabilities(columns)?))
    }

    /// The label sets `[rows, labels]` answered for probabilities `[rows, labels]`: by the labels' thresholds, and where the head
    /// has none, from 0.5 on.
    pub fn answer_sets(&self, probabilities: &Array2<f64>) -> Array2<bool> {
        let threshold = |label: usize| match &self.output {
            MlpOutput::Sigmoid { thresholds } => thresholds[label],
            MlpOutput::Softmax { .. } | MlpOutput::Number { .. } => HALF,
        };
        Array2::from_shape_fn(probabilities.dim(), |(row, label)| probabilities[[row, label]] >= threshold(label))
    }

    /// The number answered for each row, float64 `[rows]`, in the unit of the training targets.
    ///
    /// # Errors
    /// As [`logits`](Self::logits); [`TrainError::OtherOutput`] of a head that answers no number.
    pub fn predict_numbers(&self, columns: &[&FeatureColumn]) -> Result<Vec<f64>, TrainError> {
        let MlpOutput::Number { minimum, maximum } = self.output else {
            return Err(self.other_output("a number a row"));
        };
        Ok(self.logits(columns)?.iter().map(|&number| clip(f64::from(number), minimum, maximum)).collect())
    }

    fn other_output(&self, expected: &'static str) -> TrainError {
        TrainError::OtherOutput { found: self.output.answers(), expected }
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
        probabilities.rows().into_iter().map(|row| answer(row.iter().copied(), self.threshold())).collect()
    }
}
