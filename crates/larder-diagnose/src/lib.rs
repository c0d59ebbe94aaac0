//! What a run's numbers and rows say, in words, with the flag to turn.
#![deny(missing_docs)]
