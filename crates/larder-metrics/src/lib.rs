//! Scores of answers, with their uncertainty, beside baselines that need no model.
//!
//! - [`ConfusionMatrix`] counts answers, [`ClassificationScores`] are the numbers a report prints from it, and
//!   [`Metric`] names the ones that something is chosen by.
//! - [`majority_baseline`] scores the constant answer; [`compare_with_majority`] says whether a predictor is
//!   [`Above`](BaselineVerdict::Above), [`At`](BaselineVerdict::At) or [`Below`](BaselineVerdict::Below) it.
//! - [`Bootstrap`] gives percentile [`Interval`]s, and compares two predictors on the same rows.
//! - [`log_loss`] and [`class_prior_entropy`] are in nats: a loss that sits at the entropy has learnt nothing.
//! - [`best_threshold`] and [`stratified_folds`] serve the choice of a decision threshold by cross-validation.
//! - [`score_tagging`] gives the [`TaggingScores`] of a tagger: entities under each [`EntityRule`], and what is wrong
//!   with the others as [`EntityErrors`]; [`paired_entity_difference`] compares two taggers.
//! - [`score_multilabel`] gives the [`MultilabelScores`] of [`LabelSets`], [`MultilabelMetric`] names those that something
//!   is chosen by, and [`multilabel_baseline`] scores the constant sets.
//! - [`score_regression`] gives the [`RegressionScores`] of predicted numbers, [`RegressionMetric`] names one of them,
//!   and [`regression_baseline`] scores the mean and the median. A [`BaselineDifference`] is the verdict for both
//!   tasks.
//! - [`PredictionSets`] are sets (intervals) that hold the truth with the coverage of a [`CoverageRequest`], from the scores of a
//!   [`Calibration`]; [`SplitCoverage`] measures them.
//! - [`summarise`] puts several runs into one [`Summary`].
//!
//! Classes are indices `0..classes` everywhere; their names belong to the data set. Every slice of classes has
//! the axis `[rows]`; label sets are booleans `[rows, labels]`, probabilities and numbers float64. A ratio with nothing below the line counts as 0, as scikit-learn's `zero_division=0`.
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
//!
//! use larder_metrics::score_tagging;
//! use larder_tags::Scheme;
//!
//! let gold = [vec!["B-person", "I-person", "O", "B-place"], vec!["O"]];
//! let predicted = [vec!["B-person", "O", "O", "B-place"], vec!["O"]];
//! let scores = score_tagging(&gold, &predicted, Scheme::Iob2, &Bootstrap::default(), &[])?;
//! assert_eq!(scores.strict.micro.f1, 0.5);
//! assert_eq!((scores.token_accuracy, scores.all_outside_accuracy), (0.8, 0.4));
//! assert_eq!(scores.errors.boundary[0].kind.to_string(), "too_short");
//! # Ok::<(), larder_metrics::MetricsError>(())
//! ```
#![deny(missing_docs)]

mod baseline_difference;
mod bootstrap;
mod classification;
mod conformal;
mod entities;
mod error;
mod folds;
mod multilabel;
mod regression;
mod resample;
mod summary;

pub use baseline_difference::BaselineDifference;
pub use bootstrap::{Bootstrap, DEFAULT_LEVEL, DEFAULT_RESAMPLES, DEFAULT_SEED, Interval, PairedDifference};
pub use classification::{
    BaselineComparison, BaselineVerdict, ClassScores, ClassificationScores, ConfusionMatrix, ConstantAnswer,
    MajorityBaseline, Metric, PairedConfusion, PrecisionRecall, RELIABILITY_BINS, Reliability, ReliabilityBin,
    Threshold, best_threshold, class_counts, class_prior_entropy, compare_with_majority, log_loss, majority_baseline,
    majority_class, stratified_chance_accuracy,
};
pub use conformal::{
    Calibration, CalibrationRow, ClassCoverage, CoverageBy, CoverageRequest, PredictionSets, SetScore, SplitCoverage,
    expected_coverage,
};
pub use entities::{
    AverageScores, BoundaryErrors, BoundaryKind, EXAMPLES_PER_ERROR, EntityCounts, EntityErrors, EntityRule,
    EntityScores, ErrorExample, ErrorKind, TaggingScores, TypeConfusion, TypeScores, UncoveredEntity, UnpairedErrors,
    paired_entity_difference, score_tagging,
};
pub use error::{ClassRole, MetricsError};
pub use folds::{DEFAULT_FOLDS, stratified_folds};
pub use multilabel::{
    ConstantLabels, LabelConstant, LabelScores, LabelSets, MultilabelAnswers, MultilabelBaseline, MultilabelMetric,
    MultilabelScores, TrainLabels, compare_with_multilabel_baseline, multilabel_baseline, score_multilabel,
};
pub use regression::{
    ConstantNumber, NumberConstant, RegressionBaseline, RegressionMetric, RegressionScores,
    compare_with_regression_baseline, regression_baseline, score_regression,
};
pub use summary::{Summary, summarise};
