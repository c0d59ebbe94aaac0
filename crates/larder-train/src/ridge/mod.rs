//! Ridge regression on cached features: a number a row.

mod factors;
mod head;
mod head_file;
mod selection;
mod settings;
mod spectrum;
mod train;

pub use head::RidgeHead;
pub use selection::{RidgeSelection, RidgeSelectionEntry};
pub use settings::{DEFAULT_RIDGE_GRID, RidgeSettings, UNCHOSEN_ALPHA};
pub use train::{RidgeProgress, TrainedRidge, train_ridge};
