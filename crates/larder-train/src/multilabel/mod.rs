//! Logistic regression on cached features for any number of labels a row.

mod fit;
mod head;
mod head_file;
mod scores;
mod search;
mod selection;
mod settings;
mod split;
mod thresholds;
mod train;

pub use fit::MULTILABEL_TOLERANCE;
pub use head::MultilabelHead;
pub use selection::{MultilabelSelection, MultilabelSelectionEntry};
pub use settings::{
    DEFAULT_MULTILABEL_GRID, F1Average, HOLD_OUT_FEATURES, HOLD_OUT_ROWS, MultilabelSettings, UNCHOSEN_MULTILABEL_C,
};
pub use thresholds::label_thresholds;
pub use train::{HeldOutProbabilities, LabelConvergence, MultilabelProgress, TrainedMultilabel, train_multilabel};
