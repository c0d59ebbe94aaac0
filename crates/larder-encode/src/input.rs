//! One row as the encoder reads it, and the digest that tells equal rows.

use larder_store::InputDigest;

/// One tokenized row, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderInput<'a> {
    /// Token ids with special tokens, `[seq]`.
    pub input_ids: &'a [i32],
    /// Segments, `[seq]`; `None` means all zero.
    pub type_ids: Option<&'a [i32]>,
}

impl EncoderInput<'_> {
    /// Hashes ids and segments with blake3, cut to 128 bits. Segments that are all zero count as none.
    pub fn digest(&self) -> InputDigest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(self.input_ids.len() as u64).to_le_bytes());
        for id in self.input_ids {
            hasher.update(&id.to_le_bytes());
        }
        for segment in self.type_ids.filter(|t| t.iter().any(|&s| s != 0)).unwrap_or_default() {
            hasher.update(&segment.to_le_bytes());
        }
        let mut digest = InputDigest::default();
        digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_inputs_alone_have_equal_digests() {
        let of = |ids: &[i32], types: Option<&[i32]>| EncoderInput { input_ids: ids, type_ids: types }.digest();
        assert_eq!(of(&[1, 2], None), of(&[1, 2], Some(&[0, 0])));
        assert_ne!(of(&[1, 2], None), of(&[1, 2], Some(&[0, 1])));
        assert_ne!(of(&[1, 2], None), of(&[2, 1], None));
        assert_ne!(of(&[1, 2], None), of(&[1, 2, 0, 0], None), "segments never look like further ids");
        assert_ne!(of(&[1], None), of(&[1, 0], None));
    }
}
