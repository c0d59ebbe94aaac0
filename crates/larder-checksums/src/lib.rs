//! Checksums inside larder's files, verified whenever the files are read: a flipped bit is an error, never another number.
//!
//! - [`BlockHasher`] and [`seal`] give a Parquet file one checksum for every 128 KiB and one for its footer. They stand
//!   between the last page and the footer, where no Parquet reader looks, so that every other reader reads the file as before.
//! - [`CheckedFile`] reads Parquet and verifies every block that a byte is read from, and the footer when it is opened.
//! - [`seal_json`], [`seal_safetensors`] and [`SealedHeader`] write a checksum of the whole file into its own text;
//!   [`verify_json`] and [`verify_safetensors`] compare it.
//!
//! Files without checksums, of an earlier larder or made by something else, are read as they are.
#![deny(missing_docs)]

mod blocks;
mod file;
mod hash;
mod seal;
mod text;

pub use blocks::{BLOCK_BYTES, BlockHasher};
pub use file::{Checked, CheckedFile, CheckedRead};
pub use hash::DAMAGED;
pub use seal::{CHECKSUMS_KEY, CHECKSUMS_VALUE, seal};
pub use text::{
    SealedHeader, metadata_entry, seal_json, seal_safetensors, unsealed_json, verify_json, verify_safetensors,
};
