//! Looking at Parquet files: schema, provenance, and what the vectors in them are like.
//!
//! - [`ParquetFile`] is a file opened for looking at, larder's own or anybody's. Whatever is read of it is read a column and a
//!   few thousand rows at a time, so a file larger than memory is no trouble.
//! - [`inspect`] gives an [`Inspection`]: [`Layout`] from the footer, [`VectorStatistics`] of each vector column,
//!   [`LabelBalance`], [`Lengths`] and [`NumberColumn`]s.
//! - [`nearest`] finds the rows whose vectors point the same way as a row's, or as a given vector.
//! - [`compare_files`] tests whether two files may come from the same distribution.
//! - [`sample_rows`] draws rows at random.
//!
//! ```
//! use larder_inspect::{InspectError, ParquetFile};
//!
//! let error = ParquetFile::open("Cargo.toml".as_ref()).unwrap_err();
//! assert!(matches!(error, InspectError::NotParquet { .. }));
//! ```
#![deny(missing_docs)]

mod against;
mod best;
mod distribution;
mod dot;
mod duplicates;
mod error;
mod file;
mod inspection;
mod labels;
mod layout;
mod lengths;
mod moments;
mod nearest;
mod numbers;
mod row;
mod sample;
#[cfg(test)]
mod tests;
mod vectors;

pub use against::{
    ComparedFile, Comparison, LEVEL, LengthDifference, VectorDifference, WordDifference, WordDifferences, compare_files,
};
pub use distribution::{Distribution, Quantile};
pub use duplicates::{Duplicates, Group};
pub use error::InspectError;
pub use file::ParquetFile;
pub use inspection::{InspectOptions, Inspection, inspect};
pub use labels::{LabelBalance, LabelCount};
pub use layout::{ColumnLayout, Layout, RowGroups};
pub use lengths::{Bin, Lengths};
pub use nearest::{Neighbour, Neighbours, Query, nearest};
pub use numbers::NumberColumn;
pub use row::RowText;
pub use sample::sample_rows;
pub use vectors::{Dimensions, Outlier, Outliers, RowExamples, Spectrum, VectorStatistics};
