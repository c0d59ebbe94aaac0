//! The section of checksums in front of a Parquet file's footer.
//!
//! | bytes | |
//! |---|---|
//! | 8 a block | checksum of each 128 KiB of what lies before the section; the last block may be shorter |
//! | 8 | checksum of what lies behind the section: the footer, its length and `PAR1` |
//! | 8 | bytes before the section |
//! | 8 | checksum of the section up to here |
//! | 8 | `LARDERCS` |
//!
//! All numbers are little-endian. A Parquet footer gives the place of every page and index from the file's start, so that
//! bytes between the last of them and the footer mean nothing to a reader.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

use crate::blocks::{BLOCK_BYTES, BlockHasher};
use crate::hash::checksum;

/// The key of the footer's metadata that says that there is such a section: a file that has the key and not the section
/// is damaged.
pub const CHECKSUMS_KEY: &str = "larder.checksums";
/// Its value.
pub const CHECKSUMS_VALUE: &str = "blake3-64 of 128 KiB";

const MAGIC: &[u8; 8] = b"LARDERCS";
/// Bytes of the section but for the blocks'.
const FIXED: u64 = 32;
/// The length of the footer, and `PAR1`.
pub(crate) const TAIL: u64 = 8;

/// The section as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// Checksums of blocks.
    pub(crate) blocks: Vec<u64>,
    /// The checksum of everything behind the section.
    pub(crate) footer: u64,
    /// Bytes before the section.
    pub(crate) covered: u64,
}

impl Section {
    fn to_bytes(&self) -> Vec<u8> {
        let numbers = self.blocks.iter().chain([&self.footer, &self.covered]);
        let mut bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend(checksum(&bytes).to_le_bytes());
        bytes.extend(MAGIC);
        bytes
    }

    /// The section that ends at `end`; `None` where there is none.
    ///
    /// # Errors
    /// Those of the disk, and [`ErrorKind::InvalidData`] for a section that is not as it was written.
    pub(crate) fn read(file: &mut File, end: u64) -> Result<Option<Self>> {
        let Some(start) = end.checked_sub(FIXED) else { return Ok(None) };
        let fixed = read_range(file, start, end)?;
        if fixed[24..] != MAGIC[..] {
            return Ok(None);
        }
        let damaged = || Error::new(ErrorKind::InvalidData, "its checksums themselves are not as they were written");
        let covered = number(&fixed, 8);
        let length = covered.div_ceil(BLOCK_BYTES as u64).saturating_mul(8).saturating_add(FIXED);
        if covered.saturating_add(length) != end {
            return Err(damaged());
        }
        let bytes = read_range(file, covered, end)?;
        let checked = bytes.len() - 16;
        if number(&bytes, checked) != checksum(&bytes[..checked]) {
            return Err(damaged());
        }
        let blocks = bytes[..checked - 16].as_chunks().0.iter().map(|&word| u64::from_le_bytes(word)).collect();
        Ok(Some(Self { blocks, footer: number(&bytes, checked - 16), covered }))
    }
}

/// Puts the checksums into a Parquet file that was just written to its end, `written` being all its bytes in order.
///
/// # Errors
/// Those of the disk; [`ErrorKind::InvalidData`] for a file that does not end as Parquet does.
pub fn seal(file: &mut File, written: &BlockHasher) -> Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let covered = footer_start(file, length)?
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "the file does not end with a Parquet footer"))?;
    let whole = usize::try_from(covered / BLOCK_BYTES as u64).unwrap_or(usize::MAX);
    let mut blocks = written.whole_blocks().get(..whole).map(<[u64]>::to_vec).ok_or(ErrorKind::InvalidData)?;
    let rest = read_range(file, whole as u64 * BLOCK_BYTES as u64, covered)?;
    if !rest.is_empty() {
        blocks.push(checksum(&rest));
    }
    let footer = read_range(file, covered, length)?;
    let section = Section { blocks, footer: checksum(&footer), covered };
    file.seek(SeekFrom::Start(covered))?;
    file.write_all(&section.to_bytes())?;
    file.write_all(&footer)
}

/// Returns the offset of the footer in a Parquet file of that length; `None` if it does not end as one does.
pub(crate) fn footer_start(file: &mut File, length: u64) -> Result<Option<u64>> {
    let Some(tail) = length.checked_sub(TAIL) else { return Ok(None) };
    let bytes = read_range(file, tail, length)?;
    let footer = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
    Ok(tail.checked_sub(u64::from(footer)).filter(|_| &bytes[4..] == b"PAR1"))
}

pub(crate) fn read_range(file: &mut File, start: u64, end: u64) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = vec![0; usize::try_from(end - start).map_err(|_| ErrorKind::InvalidData)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
