//! The hash that serves as checksum.

/// The start of every message about bytes that differ from their checksum. Parquet's reader hands errors on as text;
/// this tells them from others.
pub const DAMAGED: &str = "damaged: ";

/// The first 64 bits of blake3: two different blocks have the same one once in 2^64.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    first_eight(blake3::hash(bytes))
}

pub(crate) fn first_eight(hash: blake3::Hash) -> u64 {
    let (first, _) = hash.as_bytes().split_at(8);
    u64::from_le_bytes(first.try_into().expect("eight bytes"))
}
