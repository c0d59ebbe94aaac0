//! Findings, of scores and of a few hundred made runs.

mod generated;
mod scores;
