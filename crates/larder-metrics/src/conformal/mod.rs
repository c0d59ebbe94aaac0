//! Prediction sets with coverage: conformal prediction (Vovk, Gammerman and Shafer 2005) from answers to rows that the fits had
//! not seen.
//!
//! A nonconformity score says how badly a label fits a row. The threshold is a quantile of the scores of the true labels on
//! calibration rows; the set of a new row has every label whose score is at most that. Whatever the head, the true label is in
//! the set with at least the probability asked for, if calibration rows and new rows are exchangeable.

mod calibration;
mod expected;
mod measured;
mod request;
mod score;
mod sets;

pub use calibration::{Calibration, CalibrationRow};
pub use expected::expected_coverage;
pub use measured::{ClassCoverage, SplitCoverage};
pub use request::{CoverageBy, CoverageRequest, SetScore};
pub use sets::PredictionSets;
