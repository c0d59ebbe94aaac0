//! A Parquet file that is verified where it is read.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use crate::blocks::BLOCK_BYTES;
use crate::hash::{DAMAGED, checksum};
use crate::seal::{CHECKSUMS_KEY, Section, footer_start, read_range};

/// A file that Parquet's readers read through: each block that a byte is wanted of is compared with its checksum first.
///
/// A file without checksums is read as it is. Clones share the file and the last block read; where several threads read at
/// once, each takes a clone with a block of its own ([`Self::with_own_block`]).
#[derive(Debug, Clone)]
pub struct CheckedFile {
    shared: Arc<Shared>,
    /// The block that was read last, with its first byte's place: small reads one after another share it.
    last: Arc<Mutex<Option<(u64, Bytes)>>>,
}

#[derive(Debug)]
struct Shared {
    length: u64,
    section: Option<Section>,
    file: Mutex<File>,
}

/// The presence of checksums in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It has, and what is read is compared with them.
    Yes,
    /// It has none: an earlier larder wrote it, or something else.
    No,
}

impl CheckedFile {
    /// Looks for checksums, and compares the footer where there are some.
    ///
    /// # Errors
    /// Those of the disk; [`ErrorKind::InvalidData`], its message beginning with [`DAMAGED`], where the footer or the
    /// checksums are not as they were written.
    pub fn new(mut file: File) -> std::io::Result<Self> {
        let damaged = |what: &str| Error::new(ErrorKind::InvalidData, format!("{DAMAGED}{what}"));
        let length = file.metadata()?.len();
        let mut section = None;
        if let Some(end) = footer_start(&mut file, length)? {
            section = Section::read(&mut file, end).map_err(|error| match error.kind() {
                ErrorKind::InvalidData => damaged(&error.to_string()),
                _ => error,
            })?;
            if let Some(section) = &section
                && checksum(&read_range(&mut file, end, length)?) != section.footer
            {
                return Err(damaged("its footer differs from its checksum"));
            }
        }
        let shared = Arc::new(Shared { length, section, file: Mutex::new(file) });
        Ok(Self { shared, last: Arc::default() })
    }

    /// The same file with a last block of its own. Reading through it, another thread neither waits for the comparison of this
    /// one's blocks nor drives them out.
    pub fn with_own_block(&self) -> Self {
        Self { shared: self.shared.clone(), last: Arc::default() }
    }

    /// Returns the presence of checksums.
    pub fn checked(&self) -> Checked {
        if self.shared.section.is_some() { Checked::Yes } else { Checked::No }
    }

    /// Compares what the footer says with what was found: whoever has read the metadata asks this.
    ///
    /// # Errors
    /// [`ParquetError`], its message beginning with [`DAMAGED`], where there should be checksums and are none.
    pub fn expect_checksums(&self, metadata: &ParquetMetaData) -> Result<()> {
        let mut pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
        if self.shared.section.is_none() && pairs.any(|pair| pair.key == CHECKSUMS_KEY) {
            return Err(ParquetError::General(format!("{DAMAGED}its checksums are missing")));
        }
        Ok(())
    }

    /// At least one byte from `start` on, to the end of its block at most; none at the end of the file.
    fn some_bytes(&self, start: u64) -> std::io::Result<Bytes> {
        let Shared { length, section, file } = &*self.shared;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let block = start / BLOCK_BYTES as u64;
        let first = block * BLOCK_BYTES as u64;
        let covered = section.as_ref().map_or(0, |section| section.covered);
        // What lies behind the blocks was compared when the file was opened.
        let end = (first + BLOCK_BYTES as u64).min(if start < covered { covered } else { *length });
        if start >= end {
            return Ok(Bytes::new());
        }
        let from = if start < covered { first } else { first.max(covered) };
        let skipped = usize::try_from(start - from).unwrap_or(usize::MAX);
        if let Some((place_of_last, bytes)) = &*last
            && *place_of_last == from
        {
            return Ok(bytes.slice(skipped..));
        }
        let bytes = Bytes::from(read_range(&mut file.lock().unwrap_or_else(PoisonError::into_inner), from, end)?);
        if start < covered {
            let expected = section.as_ref().and_then(|section| section.blocks.get(usize::try_from(block).ok()?));
            if expected != Some(&checksum(&bytes)) {
                let what = format!("{DAMAGED}bytes {from} to {end} differ from their checksum");
                return Err(Error::new(ErrorKind::InvalidData, what));
            }
        }
        *last = Some((from, bytes.clone()));
        Ok(bytes.slice(skipped..))
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.shared.length
    }
}

impl ChunkReader for CheckedFile {
    type T = CheckedRead;

    fn get_read(&self, start: u64) -> Result<CheckedRead> {
        Ok(CheckedRead { file: self.clone(), at: start, bytes: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut found = self.some_bytes(start)?;
        if found.len() >= length {
            found.truncate(length);
            return Ok(found);
        }
        let mut all = Vec::with_capacity(length.min(usize::try_from(self.len()).unwrap_or(length)));
        while all.len() < length {
            if found.is_empty() {
                let message = format!("expected {length} bytes at {start}, found {}", all.len());
                return Err(ParquetError::EOF(message));
            }
            all.extend_from_slice(&found[..found.len().min(length - all.len())]);
            found = self.some_bytes(start + all.len() as u64)?;
        }
        Ok(all.into())
    }
}

/// Reads on from a place in a [`CheckedFile`].
#[derive(Debug)]
pub struct CheckedRead {
    file: CheckedFile,
    at: u64,
    bytes: Bytes,
}

impl Read for CheckedRead {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.bytes.is_empty() {
            self.bytes = self.file.some_bytes(self.at)?;
        }
        let count = into.len().min(self.bytes.len());
        into[..count].copy_from_slice(&self.bytes.split_to(count));
        self.at += count as u64;
        Ok(count)
    }
}
