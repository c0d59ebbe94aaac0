//! Choices against plain oracles.

mod error_texts;
mod oracle;
mod strategies;
