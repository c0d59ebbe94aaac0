//! The settings of a ridge regression.

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Penalties tried: half-decades. On standardised features of a few hundred to some thousand dimensions and some thousand
/// rows the best is between 1e3 and 1e5 (`docs/ridge.md`). A penalty costs next to nothing beside the decomposition.
pub const DEFAULT_RIDGE_GRID: &[f64] = &[1.0, 3.0, 10.0, 30.0, 1e2, 3e2, 1e3, 3e3, 1e4, 3e4, 1e5];

/// The penalty that is taken where too few rows are there to choose one: scikit-learn's default. Of penalties that were asked
/// for it is the one nearest to this.
pub const UNCHOSEN_ALPHA: f64 = 1.0;

/// Settings of [`train_ridge`](crate::train_ridge).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RidgeSettings {
    /// Penalties `alpha` to choose among; the objective is `|y - Z w - b|² + alpha |w|²`, as that of scikit-learn's `Ridge`.
    /// One value fixes it.
    pub grid: Vec<f64>,
    /// Divide features by their standard deviations first. Their means are always taken out, because the intercept is free.
    pub standardise: bool,
    /// The smallest answer: lower ones are raised to it.
    pub minimum: Option<f64>,
    /// The largest answer: higher ones are lowered to it.
    pub maximum: Option<f64>,
}

impl Default for RidgeSettings {
    fn default() -> Self {
        Self { grid: DEFAULT_RIDGE_GRID.to_vec(), standardise: true, minimum: None, maximum: None }
    }
}

impl RidgeSettings {
    /// The penalties in ascending order, each once; the other settings are checked too.
    pub(crate) fn checked_grid(&self) -> Result<Vec<f64>, TrainError> {
        let expected = "expected a finite number above 0 (large is strong regularisation: try 1000)";
        if self.grid.is_empty() {
            return Err(TrainError::Setting {
                setting: "the list of alphas to try",
                found: "empty".to_owned(),
                expected,
            });
        }
        if let Some(alpha) = self.grid.iter().find(|alpha| !alpha.is_finite() || **alpha <= 0.0) {
            return Err(TrainError::Setting { setting: "alpha", found: alpha.to_string(), expected });
        }
        let bounds = [("the smallest answer", self.minimum), ("the largest answer", self.maximum)];
        for (setting, bound) in bounds {
            if let Some(bound) = bound.filter(|bound| !bound.is_finite()) {
                return Err(TrainError::Setting {
                    setting,
                    found: bound.to_string(),
                    expected: "expected a finite number",
                });
            }
        }
        if let (Some(minimum), Some(maximum)) = (self.minimum, self.maximum)
            && minimum >= maximum
        {
            let expected = "expected more than the smallest answer";
            return Err(TrainError::Setting {
                setting: "the largest answer",
                found: format!("{maximum}, with {minimum} as the smallest"),
                expected,
            });
        }
        let mut grid = self.grid.clone();
        grid.sort_by(f64::total_cmp);
        grid.dedup();
        Ok(grid)
    }
}
