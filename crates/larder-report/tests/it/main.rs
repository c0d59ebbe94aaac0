//! Pages about runs.

mod error_texts;
