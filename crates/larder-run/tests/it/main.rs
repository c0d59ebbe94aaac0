//! The contract of runs.

mod error_texts;
