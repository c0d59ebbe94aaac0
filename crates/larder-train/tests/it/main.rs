//! Heads: trained, chosen, kept and read again.

mod common;
mod goldens;
mod head;
mod mlp;
mod tagging;
mod training;
