//! The command line, run.

mod cli;
