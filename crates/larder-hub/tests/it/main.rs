//! The texts of errors.

mod error_texts;
mod offline;
