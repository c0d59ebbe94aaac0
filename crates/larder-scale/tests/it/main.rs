//! Plans and stores, as their users meet them.

mod conditions;
mod cutting;
mod error_texts;
mod many_shards;
mod support;
