//! The settings of a training run.

use larder_errors::spelled_enum;
use larder_metrics::{DEFAULT_FOLDS, Metric};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::weight::ClassWeightChoice;

/// Strengths tried, strong regularisation first: half-decades. On standardised features of a few hundred to a few
/// thousand dimensions the best is usually between 1e-4 and 1e-1; weaker ones are only reached while scores improve.
pub const DEFAULT_GRID: &[f64] = &[1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0];

/// The strength that is taken where too few rows are there to choose one: scikit-learn's default. Of strengths that were
/// asked for it is the one nearest to this.
pub const UNCHOSEN_C: f64 = 1.0;

/// Seed of the folds: any will do, but the same settings must give the same head.
pub const DEFAULT_SEED: u64 = 0;

spelled_enum! {
    /// The choice of the decision threshold of a two-class head.
    pub enum ThresholdChoice {
        /// The threshold with the best metric on the out-of-fold probabilities, if it gains more than one standard error over
        /// 0.5.
        Tuned = "tuned",
        /// At 0.5: the more probable class.
        Half = "half",
    } else "unknown threshold `{found}`: expected one of {known}"
}

/// Settings of [`train`](crate::train).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSettings {
    /// The metric that chooses columns, strength, class weight and threshold.
    pub metric: Metric,
    /// Folds of the cross-validation, at least 2; fewer are used where a class has fewer rows, and where no two classes have 2
    /// rows nothing is chosen.
    pub folds: usize,
    /// Strengths `C` to choose among (the penalty is `|w|² / (2 C)`). One value fixes it.
    pub grid: Vec<f64>,
    /// Class weights to choose among.
    pub class_weight: ClassWeightChoice,
    /// The decision threshold of a two-class head.
    pub threshold: ThresholdChoice,
    /// Standardise features to mean 0 and deviation 1 first.
    pub standardise: bool,
    /// Seed of the folds.
    pub seed: u64,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            metric: Metric::Mcc,
            folds: DEFAULT_FOLDS,
            grid: DEFAULT_GRID.to_vec(),
            class_weight: ClassWeightChoice::Auto,
            threshold: ThresholdChoice::Tuned,
            standardise: true,
            seed: DEFAULT_SEED,
        }
    }
}

impl TrainSettings {
    /// The strengths in ascending order, checked.
    pub(crate) fn checked_grid(&self) -> Result<Vec<f64>, TrainError> {
        checked_grid(&self.grid)
    }
}

/// The strength of `grid` (not empty, all above 0) that is nearest to `usual` by ratio, the smaller of two: what is taken
/// where nothing can be chosen.
pub(crate) fn unchosen_strength(grid: &[f64], usual: f64) -> f64 {
    let apart = |c: f64| (c / usual).ln().abs();
    grid.iter().copied().fold(grid[0], |nearest, c| if apart(c) < apart(nearest) { c } else { nearest })
}

/// Strengths in ascending order, each once, checked.
pub(crate) fn checked_grid(grid: &[f64]) -> Result<Vec<f64>, TrainError> {
    if grid.is_empty() {
        return Err(TrainError::EmptyGrid);
    }
    let mut grid = grid.to_vec();
    if let Some(&found) = grid.iter().find(|c| !c.is_finite() || **c <= 0.0) {
        return Err(TrainError::InvalidC { found });
    }
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    Ok(grid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_can_be_chosen_the_usual_strength_is_taken_or_the_nearest_one() {
        assert_eq!(unchosen_strength(DEFAULT_GRID, UNCHOSEN_C), 1.0);
        assert_eq!(unchosen_strength(&[0.3, 4.0], UNCHOSEN_C), 0.3);
        assert_eq!(unchosen_strength(&[0.5, 2.0], UNCHOSEN_C), 0.5);
        assert_eq!(unchosen_strength(&[0.01], UNCHOSEN_C), 0.01);
    }
}
