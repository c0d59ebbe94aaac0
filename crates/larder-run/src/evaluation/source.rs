//! The data file behind a split's scores, and its skipped rows.

use std::path::Path;

use larder_data::DatasetSpec;
use larder_store::{StoreError, read_provenance};
use larder_tokens::SKIPPED_ROWS;

use crate::{Larder, RunError};

/// The file that a split was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitSource {
    /// The split.
    pub split: String,
    /// BLAKE3 of the file's bytes, 64 hexadecimal digits.
    pub data_digest: String,
    /// Rows that could not be used and were left out.
    pub skipped_rows: u64,
}

impl SplitSource {
    /// Reads it from the split's tokens file, which must be up to date.
    ///
    /// # Errors
    /// [`RunError::Store`] for a tokens file that cannot be read.
    pub fn of(larder: &Larder, spec: &DatasetSpec, encoder: &str, split: &str) -> Result<Self, RunError> {
        let tokens = larder.home().tokens(&spec.name, encoder, split)?;
        let mut parts = read_provenance(&tokens)?.map(|provenance| provenance.parts).unwrap_or_default();
        Ok(Self {
            split: split.to_owned(),
            data_digest: parts.remove(&digest_part(split)).unwrap_or_default(),
            skipped_rows: parts.get(SKIPPED_ROWS).and_then(|rows| rows.parse().ok()).unwrap_or(0),
        })
    }
}

/// Returns the digest of the data file behind the tokens or features at `path`; `None` in files of earlier versions.
///
/// # Errors
/// [`StoreError`] for a file that cannot be read.
pub fn data_digest(path: &Path, split: &str) -> Result<Option<String>, StoreError> {
    Ok(read_provenance(path)?.and_then(|mut provenance| provenance.parts.remove(&digest_part(split))))
}

/// Returns true if a split of `spec` is the file with that digest; false if it is missing or unreadable.
pub fn is_current(spec: &DatasetSpec, split: &str, data_digest: &str) -> bool {
    spec.fingerprint_parts(split)
        .is_ok_and(|parts| parts.get(&digest_part(split)).is_some_and(|now| now == data_digest))
}

fn digest_part(split: &str) -> String {
    format!("data.{split}.digest")
}
