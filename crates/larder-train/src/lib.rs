//! Heads on cached features: training takes seconds, because the encoder is not run again.
//!
//! - [`FeatureColumn`] is a matrix of features with its name; [`train`] turns some of them, and labels, into a
//!   [`Trained`] head, under [`TrainSettings`].
//! - [`Selection`] is the table of the cross-validation that chose columns, strength, class weight and threshold: on
//!   train, and on nothing else. [`fit_logistic`] chooses nothing. [`Convergence`] says how well the chosen head solves its problem.
//! - [`LogisticHead`] gives probabilities and answers, and is saved as `head.json` and `head.safetensors`;
//!   [`objective`] is the exact quantity that training minimises.
//! - [`MlpHead`] is a multi-layer perceptron for classes, label sets or numbers; `train_mlp` trains one through a graph, behind the
//!   feature `perceptron`. [`TargetScale`] standardises numbers while a network is trained, and folds the scale into it.
//!   [`SequenceHead`] is what both kinds of head do.
//! - [`train_multilabel`] turns columns and any number of labels a row into a [`MultilabelHead`]: a logistic regression a label,
//!   all fitted in the same passes over the rows, with a threshold for each ([`MultilabelSelection`]).
//! - [`train_ridge`] turns columns and a number a row into a [`RidgeHead`]: ridge regression, whose penalty is chosen by exact
//!   leave-one-out errors ([`RidgeSelection`]).
//! - [`train_similarity`] turns columns and labels into a [`SimilarityHead`], which compares a text with the mean of each class or
//!   with the nearest training rows.
//! - [`domain_classifier_auc`] measures how well features tell two sets of rows apart; a [`LearningStep`] scores a head that
//!   was trained on fewer rows.
//!
//! Why there are two solvers is in `docs/solvers.md`; how the selection was settled, in `docs/selection.md`. The heads of labels
//! and of numbers are explained in `docs/multilabel.md` and `docs/ridge.md`, those that compare vectors in `docs/similarity.md`.
//!
//! ```
//! use larder_train::{FeatureColumn, TrainSettings, train};
//! use ndarray::Array2;
//!
//! // Forty rows whose first dimension is above its mean for class 1, and a column of noise.
//! let labels: Vec<usize> = (0..40).map(|row| row % 2).collect();
//! let signal = Array2::from_shape_fn((40, 2), |(row, dimension)| match dimension {
//!     0 => labels[row] as f32 + (row % 7) as f32 / 10.0,
//!     _ => (row % 5) as f32,
//! });
//! let noise = Array2::from_shape_fn((40, 2), |(row, dimension)| ((row * 7 + dimension) % 3) as f32);
//! let columns = [FeatureColumn::new("mean_l3", signal), FeatureColumn::new("mean", noise)];
//! let columns: Vec<&FeatureColumn> = columns.iter().collect();
//! let classes = ["bad".to_owned(), "good".to_owned()];
//!
//! let trained = train(&columns, &labels, &classes, &TrainSettings::default(), &mut |_| {})?;
//! assert!(trained.convergence.converged);
//! assert_eq!(trained.head.predict(&columns)?, labels);
//! # Ok::<(), larder_train::TrainError>(())
//! ```
#![deny(missing_docs)]

mod binary_loss;
mod candidates;
mod classifier;
mod clip;
mod column;
mod domain_classifier;
mod erf;
mod error;
mod head;
mod head_file;
mod head_folder;
mod kernel;
mod label_set_head;
mod lbfgs;
mod learning_curve;
mod library;
mod logistic;
mod matrix;
mod mlp;
mod multilabel;
mod number_head;
mod objective;
mod principal_axes;
mod ranking;
mod real;
mod ridge;
mod select;
mod selection;
mod sequence_head;
mod settings;
mod similarity;
mod standardise;
mod tagging;
mod threshold;
mod train;
mod training_rows;
mod weight;

pub use classifier::{Classifier, NO_PENALTY};
pub use column::FeatureColumn;
pub use domain_classifier::domain_classifier_auc;
pub use error::TrainError;
pub use head::{HeadColumn, LogisticHead, objective};
pub use head_folder::{HEAD_JSON, HEAD_SAFETENSORS, HEAD_VERSION};
pub use label_set_head::LabelSetHead;
pub use learning_curve::LearningStep;
pub use logistic::{CONVERGENCE_TOLERANCE, Convergence, LIBRARY_LIMIT, Solver};
pub use matrix::side_by_side;
#[cfg(feature = "perceptron")]
pub use mlp::{
    DEFAULT_MLP_BATCH_ROWS, DEFAULT_MLP_DROPOUT, DEFAULT_MLP_EPOCHS, DEFAULT_MLP_HIDDEN, DEFAULT_MLP_LEARNING_RATE,
    DEFAULT_MLP_PATIENCE, DEFAULT_MLP_WARMUP, DEFAULT_MLP_WEIGHT_DECAY, FeatureRows, FeaturesInMemory, MlpEpoch,
    MlpScores, MlpSettings, MlpTargets, TrainedMlp, train_mlp,
};
pub use mlp::{MlpHead, MlpLayer, MlpOutput, TargetScale};
pub use multilabel::{
    DEFAULT_MULTILABEL_GRID, F1Average, HOLD_OUT_FEATURES, HOLD_OUT_ROWS, HeldOutProbabilities, LabelConvergence,
    MULTILABEL_TOLERANCE, MultilabelHead, MultilabelProgress, MultilabelSelection, MultilabelSelectionEntry,
    MultilabelSettings, TrainedMultilabel, UNCHOSEN_MULTILABEL_C, label_thresholds, train_multilabel,
};
pub use number_head::NumberHead;
pub use ridge::{
    DEFAULT_RIDGE_GRID, RidgeHead, RidgeProgress, RidgeSelection, RidgeSelectionEntry, RidgeSettings, TrainedRidge,
    UNCHOSEN_ALPHA, train_ridge,
};
pub use select::SELECTION_TOLERANCE;
pub use selection::{FEW_ROWS, Selection, SelectionEntry};
pub use sequence_head::SequenceHead;
pub use settings::{DEFAULT_GRID, DEFAULT_SEED, ThresholdChoice, TrainSettings, UNCHOSEN_C};
pub use similarity::{
    DEFAULT_NEIGHBOURS, Neighbour, SimilarityHead, SimilarityKind, SimilarityProgress, SimilaritySelection,
    SimilaritySelectionEntry, SimilaritySettings, TrainedSimilarity, UNCHOSEN_TEMPERATURE, train_similarity,
};
pub use standardise::{Standardiser, StandardiserFit};
pub use tagging::{
    ColumnUse, DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, DEFAULT_MEMORY_BYTES, DEFAULT_TAGGING_FOLDS,
    DEFAULT_TAGGING_GRID, TAGGER_TOLERANCE, TAGGING_SELECTION_TOLERANCE, TaggedEntity, TaggedSentence, TaggerKind,
    TaggerSolver, TaggingHead, TaggingProgress, TaggingScores, TaggingSelection, TaggingSelectionEntry,
    TaggingSettings, TrainedTagger, UNCHOSEN_TAGGING_C, WordSource, WordsInMemory, train_tagger,
};
pub use threshold::{HALF, HeldOutThreshold, TUNING_RULE, TuningGain, tune_threshold};
pub use train::{Progress, Trained, fit_logistic, train};
pub use training_rows::TrainingRows;
pub use weight::{ClassWeight, ClassWeightChoice};
