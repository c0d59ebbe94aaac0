//! Parquet files with checksums, written atomically.

use std::io::Write;
use std::path::Path;

use larder_checksums::{BlockHasher, seal};
use larder_files::{AtomicFile, FileError};

use crate::StoreError;

/// A Parquet file being written: as [`AtomicFile`], with checksums of all its bytes in front of the footer.
#[derive(Debug)]
pub struct SealedFile {
    file: AtomicFile,
    written: BlockHasher,
}

impl SealedFile {
    /// Creates the file as [`AtomicFile::create`] does.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn create(target: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: AtomicFile::create(target)?, written: BlockHasher::default() })
    }

    /// Creates the file as [`AtomicFile::create_in`] does.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn create_in(folder: &Path, target: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: AtomicFile::create_in(folder, target)?, written: BlockHasher::default() })
    }

    /// Adds the checksums and gives the file its name; the Parquet writer has written its footer before.
    ///
    /// # Errors
    /// [`FileError::Io`]; the target is then what it was before.
    pub fn commit(mut self) -> Result<(), StoreError> {
        let target = self.file.target().to_path_buf();
        self.file.written().and_then(|file| seal(file, &self.written)).map_err(FileError::io("write", &target))?;
        Ok(self.file.commit()?)
    }
}

impl Write for SealedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
