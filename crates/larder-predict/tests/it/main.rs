//! Answers to loose texts and files.

mod error_texts;
