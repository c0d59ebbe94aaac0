//! Models run, and how the runtime gets onto a machine.

mod bound;
#[path = "../common/mod.rs"]
mod common;
mod error_texts;
mod gpu_check;
mod session;
mod setup;
