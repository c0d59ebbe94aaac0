//! Scores of answers that give one class per row.

mod baseline;
mod calibration;
mod confusion;
mod log_loss;
mod margins;
mod metric;
mod precision_recall;
mod scores;
mod threshold;
mod verdict;

pub use baseline::{MajorityBaseline, class_counts, majority_baseline, majority_class, stratified_chance_accuracy};
pub use calibration::{RELIABILITY_BINS, Reliability, ReliabilityBin};
pub use confusion::{ConfusionMatrix, PairedConfusion};
pub(crate) use log_loss::check_probability;
pub use log_loss::{ConstantAnswer, class_prior_entropy, log_loss};
pub(crate) use margins::Margins;
pub use metric::Metric;
pub use precision_recall::PrecisionRecall;
pub use scores::{ClassScores, ClassificationScores};
pub use threshold::{Threshold, best_threshold};
pub use verdict::{BaselineComparison, BaselineVerdict, compare_with_majority};
