//! One HTML page from runs.
#![deny(missing_docs)]
