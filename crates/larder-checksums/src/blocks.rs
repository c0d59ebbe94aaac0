//! Checksums of a stream, block by block.

use crate::hash::{checksum, first_eight};

/// Bytes that share one checksum: what is read for a single value, and 8 bytes of every 131,072 are checksums.
pub const BLOCK_BYTES: usize = 128 << 10;

/// Takes the bytes of a file as they are written, in order, and keeps one checksum for each block.
#[derive(Debug, Default)]
pub struct BlockHasher {
    blocks: Vec<u64>,
    current: blake3::Hasher,
    filled: usize,
}

impl BlockHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
            bytes = later;
            if now.len() == BLOCK_BYTES {
                // In one piece, which is faster.
                self.blocks.push(checksum(now));
                continue;
            }
            self.current.update(now);
            self.filled += now.len();
            if self.filled == BLOCK_BYTES {
                self.blocks.push(first_eight(self.current.finalize()));
                self.current.reset();
                self.filled = 0;
            }
        }
    }

    /// The checksums of the whole blocks so far.
    pub(crate) fn whole_blocks(&self) -> &[u64] {
        &self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_give_the_same_blocks() {
        let bytes: Vec<u8> = (0..3 * BLOCK_BYTES + 77).map(|at| (at * at % 251) as u8).collect();
        let expected: Vec<u64> = bytes.chunks_exact(BLOCK_BYTES).map(checksum).collect();
        for size in [1_000, 4_096, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, bytes.len()] {
            let mut hasher = BlockHasher::default();
            bytes.chunks(size).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.whole_blocks(), expected, "pieces of {size}");
        }
        assert_ne!(expected[0], expected[1]);
    }
}
