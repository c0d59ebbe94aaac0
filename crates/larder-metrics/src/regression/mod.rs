//! Scores of answers that give one number per row.

mod baseline;
mod comparison;
mod metric;
mod moments;
mod ranks;
mod resampled;
mod rows;
mod scores;

pub use baseline::{ConstantNumber, NumberConstant, RegressionBaseline, regression_baseline};
pub use comparison::compare_with_regression_baseline;
pub use metric::RegressionMetric;
pub use scores::{RegressionScores, score_regression};
