//! The settings of a multi-label head's training.

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::settings::{DEFAULT_SEED, ThresholdChoice, checked_grid};
use crate::weight::ClassWeightChoice;

/// Strengths tried, strong regularisation first: half-decades. Weaker ones are only reached while held-out rows are ranked
/// better (`docs/multilabel.md`).
pub const DEFAULT_MULTILABEL_GRID: &[f64] = &[3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0];

/// The strength that is taken where too few rows are there to choose one: scikit-learn's default. Of strengths that were
/// asked for it is the one nearest to this.
pub const UNCHOSEN_MULTILABEL_C: f64 = 1.0;

/// From so many rows on a fifth is held out once instead of each fifth in turn: its scores are steady enough, at a fifth of the
/// time.
pub const HOLD_OUT_ROWS: usize = 10_000;

/// Up to so many features of all rows together each fifth is held out in turn even so: that takes seconds, and thresholds that all
/// rows choose are better ones (`docs/multilabel.md`).
pub const HOLD_OUT_FEATURES: usize = 20_000_000;

/// Parts that rows are dealt into.
pub(super) const PARTS: usize = 5;

spelled_enum! {
    /// The average of the labels' F1 that chooses a multi-label head.
    pub enum F1Average {
        /// The mean F1 of the labels: a rare label counts as much as a frequent one.
        MacroF1 = "macro_f1",
        /// F1 of all answers of all labels together.
        MicroF1 = "micro_f1",
    } else "unknown metric `{found}`: expected one of {known}"
}

/// Settings of [`train_multilabel`](crate::train_multilabel).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultilabelSettings {
    /// The metric that chooses columns, strength, class weight and thresholds.
    pub metric: F1Average,
    /// Parts of the rows that are held out in turn: 1 holds a fifth out once, 2 to 5 hold that many parts out. Not given, 5, and 1
    /// from [`HOLD_OUT_ROWS`] rows and more than [`HOLD_OUT_FEATURES`] features on.
    pub folds: Option<usize>,
    /// Strengths `C` to choose among (the penalty is `|w|² / (2 C)`, of each label). One value fixes it.
    pub grid: Vec<f64>,
    /// Class weights to choose among; `balanced` weighs a row `rows / (2 * rows of its class)`, for each label by itself.
    pub class_weight: ClassWeightChoice,
    /// The decision thresholds.
    pub threshold: ThresholdChoice,
    /// Standardise features to mean 0 and deviation 1 first.
    pub standardise: bool,
    /// Seed of the parts.
    pub seed: u64,
}

impl Default for MultilabelSettings {
    fn default() -> Self {
        Self {
            metric: F1Average::MacroF1,
            folds: None,
            grid: DEFAULT_MULTILABEL_GRID.to_vec(),
            class_weight: ClassWeightChoice::None,
            threshold: ThresholdChoice::Tuned,
            standardise: true,
            seed: DEFAULT_SEED,
        }
    }
}

impl MultilabelSettings {
    /// The strengths in ascending order, checked.
    pub(super) fn checked_grid(&self) -> Result<Vec<f64>, TrainError> {
        checked_grid(&self.grid)
    }

    /// The number of parts that are held out in turn, of features `[rows, width]`.
    pub(super) fn checked_folds(&self, rows: usize, width: usize) -> Result<usize, TrainError> {
        match self.folds {
            Some(folds) if !(1..=PARTS).contains(&folds) => Err(TrainError::Setting {
                setting: "the number of folds",
                found: folds.to_string(),
                expected: "expected 1 (a fifth of the rows, once) to 5",
            }),
            Some(folds) => Ok(folds),
            None => Ok(if rows < HOLD_OUT_ROWS || rows * width <= HOLD_OUT_FEATURES { PARTS } else { 1 }),
        }
    }
}
