//! Checksums inside larder's Parquet files, verified whenever the files are read: a flipped bit is an error, never another number.
//!
//! - [`BlockHasher`] and [`seal`] give a Parquet file one checksum for every 128 KiB and one for its footer. They stand
//!   between the last page and the footer, where no Parquet reader looks, so that every other reader reads the file as before.
//! - [`CheckedFile`] reads Parquet and verifies every block that a byte is read from, and the footer when it is opened.
//! - [`rows_of`], [`read_footer`], [`read_metadata`] and [`Batches`] read Parquet files that nobody vouches for: what is wrong with one is an error,
//!   where Parquet's own reader may panic.
//!
//! Files without checksums, of an earlier larder or made by something else, are read as they are.
#![deny(missing_docs)]

mod blocks;
mod counts;
mod file;
mod guard;
mod hash;
mod seal;

pub use blocks::{BLOCK_BYTES, BlockHasher};
pub use file::{Checked, CheckedFile, CheckedRead};
pub use guard::{Batches, read_footer, read_metadata, rows_of};
pub use hash::DAMAGED;
pub use seal::{CHECKSUMS_KEY, CHECKSUMS_VALUE, seal};
