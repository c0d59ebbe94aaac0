//! Tag schemes beside seqeval, and what holds of them whatever the tags.

mod goldens;
mod messages;
mod properties;
