//! Files, whatever is in them, but for Parquet: `larder-store` has that.
//!
//! - [`open`] and [`read`] take files that users name, and refuse what is no regular file before they touch it.
//! - [`MappedFile`] reads a large file without copying it.
//! - [`write_atomic`] and [`AtomicFile`] never leave a file that looks whole and is not.
//! - [`write_json`] and [`read_json`] give JSON a checksum and compare it ([`FileError::Damaged`]);
//!   [`seal_safetensors`], [`SealedHeader`] and [`verify_safetensors`] do so for safetensors.
//! - [`Home`] knows where each artifact lies; [`FolderLock`] keeps a folder to one process, for
//!   which others wait if they were [told to](wait_for_others).
//! - [`Provenance`] records what an artifact was made from; [`Freshness`] says whether it still holds, or what changed.
//!   [`digest_bytes`] and [`digest_file`] name content in it.
//! - [`Parts`] are finished pieces of a file that is being made, from which a killed process goes on;
//!   [`remove_left_beside`] and [`remove_left_in`] remove what such processes left.
//!
//! ```
//! use larder_files::{Freshness, Provenance};
//!
//! let old = Provenance::new("encode", 1).with("layers", "-1").with("encoder.digest", "ab12");
//! let new = Provenance::new("encode", 1).with("layers", "-1,-2").with("encoder.digest", "ab12");
//! let Freshness::Stale(changes) = new.freshness(Some(&old)) else { unreachable!() };
//! assert_eq!(changes[0].to_string(), "layers: -1 -> -1,-2");
//! ```
#![deny(missing_docs)]

mod atomic;
mod digest;
mod error;
mod home;
mod json;
mod kill_point;
mod left;
mod lock;
mod mapped;
mod parts;
mod provenance;
mod regular;
mod text_checksum;

pub use atomic::{AtomicFile, write_atomic};
pub use digest::{digest_bytes, digest_file};
pub use error::FileError;
pub use home::{Home, check_name};
pub use json::{read_json, read_json_text, write_json};
pub use kill_point::{KILL_AT, kill_point};
pub use left::{remove_left_beside, remove_left_in};
pub use lock::{FolderLock, wait_for_others};
pub use mapped::MappedFile;
pub use parts::Parts;
pub use provenance::{Change, Freshness, Provenance};
pub use regular::{check, open, read, read_to_string};
pub use text_checksum::{
    SealedHeader, metadata_entry, seal_safetensors, unsealed_json, verify_json, verify_safetensors,
};
