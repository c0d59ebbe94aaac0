//! The bytes of a file that a reader of some of its rows reads, and their digest.
//!
//! A file is read once, whole, when it is cut into slices; whoever reads a slice reads and digests its bytes alone.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::error::DataError;
use crate::parquet_groups::ParquetGroups;
use crate::slice::{RowSlice, SlicePlace};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// The digests of a file: of all of it, and of each of its pieces.
#[derive(Debug, Clone)]
pub struct FileDigests {
    /// Hex blake3 digest of the file's bytes.
    pub digest: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// The first byte of each piece, ascending.
    starts: Vec<u64>,
    pieces: Vec<blake3::Hash>,
}

impl FileDigests {
    /// Reads the file at `path` once. `starts` are the places where a piece begins, in any order.
    ///
    /// # Errors
    /// [`DataError::Open`], [`DataError::Read`].
    pub fn read(path: &Path, mut starts: Vec<u64>) -> Result<Self, DataError> {
        let failed = |source| DataError::Read { path: path.to_owned(), source };
        let mut file = open(path)?;
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        // Behind the end there is no piece.
        let length = file.metadata().map_err(failed)?.len();
        starts.retain(|&start| start < length || start == 0);
        let (mut whole, mut pieces) = (blake3::Hasher::new(), Vec::with_capacity(starts.len()));
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut bytes = 0;
        for (at, start) in starts.iter().enumerate() {
            let length = starts.get(at + 1).map_or(u64::MAX, |next| next - start);
            let mut piece = blake3::Hasher::new();
            let mut reader = file.by_ref().take(length);
            loop {
                let read = reader.read(&mut buffer).map_err(failed)?;
                if read == 0 {
                    break;
                }
                piece.update(&buffer[..read]);
                whole.update(&buffer[..read]);
                bytes += read as u64;
            }
            pieces.push(piece.finalize());
        }
        Ok(Self { digest: whole.finalize().to_hex().to_string(), bytes, starts, pieces })
    }

    /// Returns the digest of pieces: what [`digest_ranges`] gives of the same bytes. `None` if a range is no piece.
    pub fn of_ranges(&self, ranges: &[Range<u64>]) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        for range in ranges {
            let at = self.starts.binary_search(&range.start).ok()?;
            let end = self.starts.get(at + 1).copied().unwrap_or(self.bytes);
            (end == range.end).then_some(())?;
            hasher.update(self.pieces[at].as_bytes());
        }
        Some(hasher.finalize().to_hex().to_string())
    }
}

/// Reads ranges of the file at `path` and returns the digest of them all.
///
/// # Errors
/// [`DataError::Open`]; [`DataError::Read`], also for a file that ends before a range does.
pub fn digest_ranges(path: &Path, ranges: &[Range<u64>]) -> Result<String, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let mut file = open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    for range in ranges {
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        let mut piece = blake3::Hasher::new();
        let mut reader = file.by_ref().take(range.end.saturating_sub(range.start));
        loop {
            let read = reader.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            piece.update(&buffer[..read]);
        }
        hasher.update(piece.finalize().as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

impl RowSlice {
    /// Returns the bytes that a reader of the slice reads, in a file of `bytes` bytes. `groups` are those of a Parquet file;
    /// a slice of row groups that are not there has no bytes for them.
    pub fn byte_ranges(&self, bytes: u64, groups: Option<&ParquetGroups>) -> Vec<Range<u64>> {
        match (self.place, groups) {
            (SlicePlace::Text(place), _) => {
                let header = 0..place.file.header_bytes;
                let rows = place.start.byte..place.end_byte;
                [header, rows].into_iter().filter(|range| !range.is_empty()).collect()
            }
            (SlicePlace::Groups(place), Some(file)) => {
                let of_slice = file.groups.iter().skip(place.first_group).take(place.groups);
                of_slice.map(|group| group.bytes.clone()).chain(std::iter::once(file.tail_byte..bytes)).collect()
            }
            (SlicePlace::Groups(_), None) => Vec::new(),
        }
    }

    /// Returns the places where a piece of the file must begin for [`FileDigests::of_ranges`] to know the slice's bytes.
    pub fn piece_starts(&self, groups: Option<&ParquetGroups>) -> Vec<u64> {
        self.byte_ranges(u64::MAX, groups).into_iter().flat_map(|range| [range.start, range.end]).collect()
    }
}

fn open(path: &Path) -> Result<File, DataError> {
    larder_files::open(path).map_err(|source| DataError::Open { path: path.to_owned(), source })
}
