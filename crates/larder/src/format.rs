//! Numbers for people.

pub use larder_errors::{bytes, count, seconds};
