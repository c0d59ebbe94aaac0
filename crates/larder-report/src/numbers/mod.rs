//! Computations for the page.

mod histogram;
mod pca;

pub(crate) use histogram::Histogram;
pub(crate) use pca::Projection;
