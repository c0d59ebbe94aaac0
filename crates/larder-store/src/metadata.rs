//! Provenance in the key-value metadata of a Parquet file.

use std::collections::BTreeMap;
use std::path::Path;

use larder_checksums::{CHECKSUMS_KEY, CHECKSUMS_VALUE};
use larder_files::Provenance;
use parquet::file::metadata::KeyValue;

use crate::StoreError;
use crate::open::open_metadata;

/// The prefix of every key that larder writes into Parquet metadata.
const PREFIX: &str = "larder.";

/// Reads the provenance inside a Parquet artifact; `None` when the file is missing, or whole but not larder's.
///
/// # Errors
/// [`StoreError::Parquet`] for a file that is cut short, [`Damaged`](larder_files::FileError::Damaged) for one that differs
/// from its checksums, [`Io`](larder_files::FileError::Io) for one that cannot be opened.
pub fn read_provenance(path: &Path) -> Result<Option<Provenance>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let metadata = open_metadata(path)?.1;
    Ok(provenance_of(metadata.file_metadata().key_value_metadata()))
}

/// The metadata of every artifact, in a fixed order: what it was made from, and that it has checksums.
pub(crate) fn key_values(provenance: Option<&Provenance>) -> Vec<KeyValue> {
    let mut pairs = Vec::new();
    if let Some(Provenance { stage, format_version, parts }) = provenance {
        pairs.extend([key_value("stage", stage), key_value("format_version", format_version)]);
        pairs.extend(parts.iter().map(|(part, value)| key_value(part, value)));
    }
    pairs.push(KeyValue::new(CHECKSUMS_KEY.to_owned(), CHECKSUMS_VALUE.to_owned()));
    pairs
}

/// One pair of the metadata.
pub(crate) fn key_value(part: &str, value: impl ToString) -> KeyValue {
    KeyValue::new(format!("{PREFIX}{part}"), value.to_string())
}

/// Back from Parquet metadata; `None` when larder did not write the file.
pub(crate) fn provenance_of(pairs: Option<&Vec<KeyValue>>) -> Option<Provenance> {
    let mut parts: BTreeMap<String, String> =
        pairs?.iter().filter_map(|kv| Some((kv.key.strip_prefix(PREFIX)?.to_owned(), kv.value.clone()?))).collect();
    // Says how the file is kept, not what it was made from.
    parts.remove(CHECKSUMS_KEY.strip_prefix(PREFIX).unwrap_or(CHECKSUMS_KEY));
    let stage = parts.remove("stage")?;
    let format_version = parts.remove("format_version")?.parse().ok()?;
    Some(Provenance { stage, format_version, parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_values_round_trip() {
        let p = Provenance::new("tokenize", 3).with("data.train.digest", "ff");
        assert_eq!(provenance_of(Some(&key_values(Some(&p)))), Some(p));
        assert_eq!(provenance_of(Some(&vec![KeyValue::new("pandas".into(), "{}".to_owned())])), None);
    }
}
