//! Runs judged and compared.

mod comparison;
mod error_texts;
