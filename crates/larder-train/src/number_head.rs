//! The interface of all heads with one number a text.

use std::fmt::Debug;

use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::mlp::{MlpHead, MlpOutput};
use crate::ridge::RidgeHead;

/// A head for one number a text.
pub trait NumberHead: Debug + Send + Sync {
    /// The smallest and the largest answer, where there are any.
    fn bounds(&self) -> (Option<f64>, Option<f64>);

    /// The answers, float64 `[rows]`, in the unit of the training targets. Columns are found by name; those the head does not
    /// read may be there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`],
    /// [`TrainError::NonFinite`]; [`TrainError::OtherOutput`] of a head that answers no number.
    fn numbers(&self, columns: &[&FeatureColumn]) -> Result<Vec<f64>, TrainError>;
}

impl NumberHead for RidgeHead {
    fn bounds(&self) -> (Option<f64>, Option<f64>) {
        (self.minimum, self.maximum)
    }

    fn numbers(&self, columns: &[&FeatureColumn]) -> Result<Vec<f64>, TrainError> {
        self.predict(columns)
    }
}

impl NumberHead for MlpHead {
    fn bounds(&self) -> (Option<f64>, Option<f64>) {
        match self.output {
            MlpOutput::Number { minimum, maximum } => (minimum, maximum),
            MlpOutput::Softmax { .. } | MlpOutput::Sigmoid { .. } => (None, None),
        }
    }

    fn numbers(&self, columns: &[&FeatureColumn]) -> Result<Vec<f64>, TrainError> {
        self.predict_numbers(columns)
    }
}
