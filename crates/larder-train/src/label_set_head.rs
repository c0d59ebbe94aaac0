//! The interface of all heads with any number of labels a text.

use std::fmt::Debug;

use ndarray::Array2;

use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::mlp::{MlpHead, MlpOutput};
use crate::multilabel::MultilabelHead;

/// A head for any number of labels a text.
pub trait LabelSetHead: Debug + Send + Sync {
    /// `[labels]`: a label is answered where its probability is this or more.
    fn thresholds(&self) -> &[f64];

    /// The probability of each label, float64 `[rows, labels]`. Columns are found by name; those the head does not read may be
    /// there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`],
    /// [`TrainError::NonFinite`]; [`TrainError::OtherOutput`] of a head that answers a number.
    fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError>;

    /// The answers `[rows, labels]` for probabilities `[rows, labels]`.
    fn answers(&self, probabilities: &Array2<f64>) -> Array2<bool>;
}

impl LabelSetHead for MultilabelHead {
    fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        Self::probabilities(self, columns)
    }

    fn answers(&self, probabilities: &Array2<f64>) -> Array2<bool> {
        Self::answers(self, probabilities)
    }
}

impl LabelSetHead for MlpHead {
    fn thresholds(&self) -> &[f64] {
        match &self.output {
            MlpOutput::Sigmoid { thresholds } => thresholds,
            MlpOutput::Softmax { .. } | MlpOutput::Number { .. } => &[],
        }
    }

    fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        Self::probabilities(self, columns)
    }

    fn answers(&self, probabilities: &Array2<f64>) -> Array2<bool> {
        self.answer_sets(probabilities)
    }
}
