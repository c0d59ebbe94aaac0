//! Tag schemes beside seqeval, and what holds of them whatever the tags.

mod error_texts;
mod goldens;
mod messages;
mod properties;
