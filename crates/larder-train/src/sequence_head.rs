//! The interface of all heads with one label a text.

use std::fmt::Debug;

use ndarray::Array2;

use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::head::{HeadColumn, LogisticHead};
use crate::mlp::MlpHead;
use crate::similarity::{Neighbour, SimilarityHead};

/// A head for one label a text.
pub trait SequenceHead: Debug + Send + Sync {
    /// The classes' names, in the order of their indices.
    fn classes(&self) -> &[String];

    /// The columns it reads, in order.
    fn columns(&self) -> &[HeadColumn];

    /// Class probabilities, float64 `[rows, classes]`, each row adding up to 1. Columns are found by name; those the head
    /// does not read may be there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`],
    /// [`TrainError::NonFinite`].
    fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError>;

    /// The class indices `[rows]` answered for probabilities `[rows, classes]`.
    fn answers(&self, probabilities: &Array2<f64>) -> Vec<usize>;

    /// The training rows that each answer rests on, the nearest first, at most `count` a row; nothing for a head that keeps no
    /// rows.
    ///
    /// # Errors
    /// As [`probabilities`](Self::probabilities).
    fn evidence(&self, columns: &[&FeatureColumn], _count: usize) -> Result<Vec<Vec<Neighbour>>, TrainError> {
        Ok(vec![Vec::new(); columns.first().map_or(0, |column| column.rows())])
    }
}

impl SequenceHead for LogisticHead {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn columns(&self) -> &[HeadColumn] {
        &self.columns
    }

    fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        Self::probabilities(self, columns)
    }

    fn answers(&self, probabilities: &Array2<f64>) -> Vec<usize> {
        Self::answers(self, probabilities)
    }
}

impl SequenceHead for MlpHead {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn columns(&self) -> &[HeadColumn] {
        &self.columns
    }

    fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        Self::probabilities(self, columns)
    }

    fn answers(&self, probabilities: &Array2<f64>) -> Vec<usize> {
        Self::answers(self, probabilities)
    }
}

impl SequenceHead for SimilarityHead {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn columns(&self) -> &[HeadColumn] {
        &self.columns
    }

    fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        Self::probabilities(self, columns)
    }

    fn answers(&self, probabilities: &Array2<f64>) -> Vec<usize> {
        Self::answers(self, probabilities)
    }

    fn evidence(&self, columns: &[&FeatureColumn], count: usize) -> Result<Vec<Vec<Neighbour>>, TrainError> {
        Self::evidence(self, columns, count)
    }
}
