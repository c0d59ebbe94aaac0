//! Scores of answers that give any number of labels per row.

mod answers;
mod average_precision;
mod baseline;
mod comparison;
mod label_sets;
mod metric;
mod resampled;
mod row_entries;
mod scores;
mod tally;

pub use answers::MultilabelAnswers;
pub use baseline::{ConstantLabels, LabelConstant, MultilabelBaseline, TrainLabels, multilabel_baseline};
pub use comparison::compare_with_multilabel_baseline;
pub use label_sets::LabelSets;
pub use metric::MultilabelMetric;
pub use scores::{LabelScores, MultilabelScores, score_multilabel};
