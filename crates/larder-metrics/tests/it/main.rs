//! Scores beside those of scikit-learn, SciPy and seqeval, and what holds of them whatever the answers.

mod conformal_goldens;
mod conformal_properties;
mod entity_goldens;
mod entity_properties;
mod error_texts;
mod goldens;
mod multilabel_goldens;
mod multilabel_properties;
mod properties;
mod regression_goldens;
mod regression_properties;
