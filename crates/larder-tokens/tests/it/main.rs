//! Tokens beside those of the `transformers` library, and what holds of them whatever the text.

mod common;
mod error_texts;
mod goldens;
mod tokenizer;
