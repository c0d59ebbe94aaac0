//! Numbers that are worked out for the page.

mod calibration;
mod histogram;
mod pca;
mod precision_recall;

pub use calibration::{Bin, RELIABILITY_BINS, Reliability};
pub(crate) use histogram::Histogram;
pub use pca::Projection;
pub use precision_recall::PrecisionRecall;
