//! The answers of a perceptron's last layer.

use serde::{Deserialize, Serialize};

/// The meaning of the last layer's outputs.
#[derive(Debug, Clone, PartialEq)]
pub enum MlpOutput {
    /// Logits of classes, of which a row has one: softmax.
    Softmax {
        /// Two classes only: class 1 is answered where its probability is this or more.
        threshold: Option<f64>,
    },
    /// Logits of labels, of which a row has any number: a logistic function each.
    Sigmoid {
        /// `[labels]`: a label is answered where its probability is this or more.
        thresholds: Vec<f64>,
    },
    /// One number a row, in the unit of the training targets.
    Number {
        /// The smallest answer; lower ones are raised to it.
        minimum: Option<f64>,
        /// The largest answer; higher ones are lowered to it.
        maximum: Option<f64>,
    },
}

/// The spelling of an output in `head.json`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OutputKind {
    /// The only one of files that do not name any.
    #[default]
    Softmax,
    Sigmoid,
    Number,
}

impl OutputKind {
    pub fn is_softmax(&self) -> bool {
        *self == Self::Softmax
    }
}

impl MlpOutput {
    /// Numbers without bounds.
    pub const ANY_NUMBER: Self = Self::Number { minimum: None, maximum: None };

    pub(super) fn kind(&self) -> OutputKind {
        match self {
            Self::Softmax { .. } => OutputKind::Softmax,
            Self::Sigmoid { .. } => OutputKind::Sigmoid,
            Self::Number { .. } => OutputKind::Number,
        }
    }

    /// Says what is answered, for errors.
    pub(super) fn answers(&self) -> &'static str {
        match self {
            Self::Softmax { .. } => "one class a row",
            Self::Sigmoid { .. } => "a set of labels a row",
            Self::Number { .. } => "a number a row",
        }
    }
}
