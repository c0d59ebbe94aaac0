//! Sets and intervals with coverage: the calibration that a run keeps, the sets that it makes, and their tables.

mod file;
mod run_sets;
mod tables;

pub use file::CALIBRATION_FILE;
pub use run_sets::{AnswerBasis, RunSets};
pub(crate) use tables::coverage_blocks;
pub use tables::coverage_page;
