//! The settings of a tagging head's training.

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use super::kind::TaggerKind;
use crate::error::TrainError;
use crate::settings::{DEFAULT_SEED, ThresholdChoice, checked_grid};
use crate::weight::{ClassWeight, ClassWeightChoice};

/// Strengths tried, strong regularisation first: half-decades. With 60,000 words of a few hundred to a few thousand
/// standardised dimensions the best is near the middle.
pub const DEFAULT_TAGGING_GRID: &[f64] = &[1e-3, 3e-3, 1e-2, 3e-2, 1e-1];

/// The strength that is taken where too few sentences are there to choose one: the weakest regularisation of the usual ones,
/// since the loss is a sum and that of a few sentences is small beside the penalty (at 1e-2 one sentence teaches nothing).
/// Of the strengths asked for, the nearest to this one is taken.
pub const UNCHOSEN_TAGGING_C: f64 = 1e-1;

/// Parts of the sentences that are held out in turn. One fifth, held out once: a fit takes seconds where a
/// classifier's takes a tenth of one, and thousands of words judge the strengths alike whichever they are.
pub const DEFAULT_TAGGING_FOLDS: usize = 1;

/// Memory that features may take, in bytes; with more of them, training reads them again and again in small parts.
pub const DEFAULT_MEMORY_BYTES: u64 = 2 << 30;

/// Times that a streamed fit reads the features.
pub const DEFAULT_EPOCHS: usize = 10;

/// The first, and largest, step of a streamed fit.
pub const DEFAULT_LEARNING_RATE: f64 = 3e-3;

spelled_enum! {
    /// The choice of feature columns.
    pub enum ColumnUse {
        /// All of them side by side.
        Concatenate = "concatenate",
        /// Each alone and all side by side are tried, and the best on held-out sentences is taken.
        Choose = "choose",
    } else "unknown use of the columns `{found}`: expected one of {known}"
}

spelled_enum! {
    /// The solver that fits the head.
    pub enum TaggerSolver {
        /// L-BFGS where the features fit into memory, Adam where they do not.
        Auto = "auto",
        /// All features in memory, whatever their size.
        Lbfgs = "lbfgs",
        /// Mini-batches, read from the source again in every epoch.
        Adam = "adam",
    } else "unknown solver `{found}`: expected one of {known}"
}

/// Settings of [`train_tagger`](crate::train_tagger).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaggingSettings {
    /// The kind of head.
    pub kind: TaggerKind,
    /// Strengths `C` to choose among (the penalty is `|w|² / (2 C)`). One value fixes it.
    pub grid: Vec<f64>,
    /// 1 holds one fifth of the sentences out, once; 2 and more hold each part of that many out in turn.
    pub folds: usize,
    /// Class weights of words; [`TaggerKind::Logistic`] only.
    pub class_weight: ClassWeightChoice,
    /// The columns that the head reads.
    pub columns: ColumnUse,
    /// [`Tuned`](ThresholdChoice::Tuned): what is added to the score of `O` when decoding is chosen on held-out
    /// sentences, if that gains more than one standard error beside adding nothing; [`Half`](ThresholdChoice::Half): nothing is added.
    #[serde(rename = "bias")]
    pub outside_bias: ThresholdChoice,
    /// Standardise features to mean 0 and deviation 1 first.
    pub standardise: bool,
    /// Seed of the held-out parts, and of the order of a streamed fit.
    pub seed: u64,
    /// The solver that fits the head.
    pub solver: TaggerSolver,
    /// Memory that the features may take, in bytes.
    pub memory_bytes: u64,
    /// Adam only: times the features are read.
    pub epochs: usize,
    /// Adam only: the first and largest step; it falls to 0 along half a cosine.
    pub learning_rate: f64,
}

impl Default for TaggingSettings {
    fn default() -> Self {
        Self {
            kind: TaggerKind::Logistic,
            grid: DEFAULT_TAGGING_GRID.to_vec(),
            folds: DEFAULT_TAGGING_FOLDS,
            class_weight: ClassWeightChoice::None,
            columns: ColumnUse::Concatenate,
            outside_bias: ThresholdChoice::Tuned,
            standardise: true,
            seed: DEFAULT_SEED,
            solver: TaggerSolver::Auto,
            memory_bytes: DEFAULT_MEMORY_BYTES,
            epochs: DEFAULT_EPOCHS,
            learning_rate: DEFAULT_LEARNING_RATE,
        }
    }
}

impl TaggingSettings {
    /// The strengths in ascending order, and everything else checked.
    pub(crate) fn check(&self) -> Result<Vec<f64>, TrainError> {
        if self.folds == 0 {
            return Err(TrainError::NoHeldOut);
        }
        if self.kind == TaggerKind::Crf && self.class_weight == ClassWeightChoice::Balanced {
            return Err(TrainError::ClassWeightOfCrf);
        }
        if self.epochs == 0 || !self.learning_rate.is_finite() || self.learning_rate <= 0.0 {
            return Err(TrainError::InvalidSteps { epochs: self.epochs, learning_rate: self.learning_rate });
        }
        checked_grid(&self.grid)
    }

    /// The class weights to try, in order.
    pub(crate) fn class_weights(&self) -> &'static [ClassWeight] {
        match (self.kind, self.class_weight) {
            (TaggerKind::Crf, _) | (TaggerKind::Logistic, ClassWeightChoice::None) => &[ClassWeight::None],
            (TaggerKind::Logistic, ClassWeightChoice::Auto) => &[ClassWeight::None, ClassWeight::Balanced],
            (TaggerKind::Logistic, ClassWeightChoice::Balanced) => &[ClassWeight::Balanced],
        }
    }
}
