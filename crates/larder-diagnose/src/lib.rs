//! Diagnosis of a run: its numbers and rows in words, with the flag to turn.
//!
//! Pure rules over plain facts: nothing here opens a file. Whoever has them gathers the facts, and gets a [`Diagnosis`] where
//! they show something, with the numbers, and silence where they do not. Every threshold is a constant with its reason.
//!
//! - Scores: [`diagnose_scores`] of a classifier, [`diagnose_tagging`] and [`diagnose_tuned_tagging`] of a tagger.
//! - Training: [`diagnose_fit`], [`diagnose_edge`], [`diagnose_nothing_found`], [`diagnose_gap`] of a head on features;
//!   [`diagnose_course`] and [`diagnose_learning_rate`] of a fine-tuning; [`diagnose_mlp_course`] of a perceptron.
//! - Labels: [`diagnose_label_names`]; rows: [`diagnose_size`], [`diagnose_balance`], [`diagnose_duplicates`], [`diagnose_leaks`],
//!   [`diagnose_label_errors`], [`diagnose_curve`].
//! - Label sets: [`diagnose_label_sets`], [`diagnose_thresholds`].
//! - Numbers: [`diagnose_targets`], [`diagnose_numbers`].
//! - Texts: [`diagnose_lengths`], [`diagnose_spelling`], [`diagnose_vocabulary`], [`diagnose_shift`] with [`token_area`].
//! - [`Evidence`] is a sentence that keeps the numbers that it is made from: a finding states no other.
//! - [`RunDiagnosis`] is the file of all findings of a run; [`Pointing`] is a finding whose rows have no texts yet.
//!
//! ```
//! use larder_diagnose::{Balance, DiagnosisKind, Weighing, diagnose_balance};
//!
//! let classes = ["ham".to_owned(), "spam".to_owned()];
//! let balance = Balance { classes: &classes, counts: &[960, 40], what: "rows", weighing: Weighing::Alike };
//! let found = diagnose_balance(&balance).expect("4 % is few");
//! assert_eq!(found.kind, DiagnosisKind::ImbalancedLabels);
//! assert!(found.to_string().contains("`spam` 40"));
//! assert_eq!(diagnose_balance(&Balance { counts: &[600, 400], ..balance }), None);
//! ```
#![deny(missing_docs)]

mod course;
mod coverage;
mod diagnosis;
mod duplicates;
mod evidence;
mod features;
mod fit;
mod label_names;
mod label_sets;
mod labels;
mod learning_curve;
mod losses;
mod numbers;
mod pairs;
mod pointer;
mod scores;
mod shift;
mod tagging;
mod texts;

pub use course::{
    Course, Evaluated, HeldOut, MlpCourse, diagnose_course, diagnose_dropout_gap, diagnose_learning_rate,
    diagnose_mlp_course,
};
pub use coverage::diagnose_coverage;
pub use diagnosis::{Diagnosis, DiagnosisKind, FORMAT_VERSION, LearningPoint, PointedRow, RunDiagnosis, capitalised};
pub use duplicates::{KeyedRows, diagnose_duplicates, diagnose_leaks};
pub use evidence::{Evidence, Number};
pub use features::{Method, Tried};
pub use fit::{Choice, Fit, Gap, HeldOutLoss, diagnose_edge, diagnose_fit, diagnose_gap, diagnose_nothing_found};
pub use label_names::diagnose_label_names;
pub use label_sets::{LabelsJudged, diagnose_label_sets, diagnose_thresholds};
pub use labels::{Balance, HeldOutAnswers, Weighing, diagnose_balance, diagnose_label_errors, diagnose_size};
pub use learning_curve::{Curve, diagnose_curve, scores as curve_in_words};
pub use losses::{Guessing, Losses, Rate, Tuning};
pub use numbers::{NumbersJudged, TargetSummary, diagnose_numbers, diagnose_targets};
pub use pairs::{PairsJudged, diagnose_pairs};
pub use pointer::{Pointer, Pointing};
pub use scores::{ALMOST_ALL, Judged, diagnose_scores};
pub use shift::{ENOUGH_ROWS, Shift, diagnose_shift, token_area};
pub use tagging::{JudgedTagger, TriedTagger, diagnose_tagging, diagnose_tuned_tagging};
pub use texts::{Lengths, Spelling, diagnose_lengths, diagnose_spelling, diagnose_vocabulary, has_sign};
