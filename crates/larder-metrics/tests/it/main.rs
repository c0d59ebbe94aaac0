//! Scores beside those of scikit-learn and seqeval, and what holds of them whatever the answers.

mod entity_goldens;
mod entity_properties;
mod error_texts;
mod goldens;
mod multilabel_goldens;
mod multilabel_properties;
mod properties;
