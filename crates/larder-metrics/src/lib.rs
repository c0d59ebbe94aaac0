//! How good are the answers, and is that better than answering nothing at all?
//!
//! - [`ConfusionMatrix`] counts answers, [`ClassificationScores`] are the numbers a report prints from it, and
//!   [`Metric`] names the ones that something is chosen by.
//! - [`majority_baseline`] scores the constant answer; [`compare_with_majority`] says whether a predictor is
//!   [`Above`](BaselineVerdict::Above), [`At`](BaselineVerdict::At) or [`Below`](BaselineVerdict::Below) it.
//! - [`Bootstrap`] gives percentile [`Interval`]s, and compares two predictors on the same rows.
//! - [`log_loss`] and [`class_prior_entropy`] are in nats: a loss that sits at the entropy has learnt nothing.
//! - [`best_threshold`] and [`stratified_folds`] serve the choice of a decision threshold by cross-validation.
//!
//! Classes are indices `0..classes` everywhere; their names belong to the data set. Every slice of classes has
//! the axis `[rows]`. A ratio with nothing below the line counts as 0, as scikit-learn's `zero_division=0`.
//!
//! ```
//! use larder_metrics::{Bootstrap, ClassificationScores, ConfusionMatrix, Metric};
//!
//! let gold = [0, 0, 1, 1, 1, 1];
//! let predicted = [0, 1, 1, 1, 1, 0];
//! let matrix = ConfusionMatrix::from_classes(&gold, &predicted, 2)?;
//! let scores = ClassificationScores::from(&matrix);
//! assert!((scores.accuracy - 4.0 / 6.0).abs() < 1e-12);
//! assert!((scores.mcc - 0.25).abs() < 1e-12);
//!
//! let interval = Bootstrap::default().interval(&matrix, Metric::Mcc)?;
//! assert!(interval.low < scores.mcc && scores.mcc < interval.high);
//! # Ok::<(), larder_metrics::MetricsError>(())
//! ```
#![deny(missing_docs)]

mod bootstrap;
mod classification;
mod error;
mod folds;
mod resample;

pub use bootstrap::{Bootstrap, DEFAULT_LEVEL, DEFAULT_RESAMPLES, DEFAULT_SEED, Interval, PairedDifference};
pub use classification::{
    BaselineComparison, BaselineVerdict, ClassScores, ClassificationScores, ConfusionMatrix, MajorityBaseline, Metric,
    PairedConfusion, Threshold, best_threshold, class_counts, class_prior_entropy, compare_with_majority, log_loss,
    majority_baseline, majority_class, stratified_chance_accuracy,
};
pub use error::{ClassRole, MetricsError};
pub use folds::{DEFAULT_FOLDS, stratified_folds};
