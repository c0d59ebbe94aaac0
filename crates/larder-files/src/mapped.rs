//! Large files read where they lie in the system's memory.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use memmap2::Mmap;

/// The content of a file that is not copied: pages of the system's own cache, read when they are first touched.
///
/// For files that are replaced whole, as larder replaces its own: one that another program writes into, or cuts, in place while it is
/// mapped may give bytes of before and after, or end the process. [`MappedFile::check_unchanged`] tells of the former: ask it when
/// what was made of the bytes is made.
#[derive(Debug)]
pub struct MappedFile {
    file: File,
    length: u64,
    modified: Option<SystemTime>,
    bytes: Bytes,
}

impl MappedFile {
    /// Maps the regular file at `path`.
    ///
    /// # Errors
    /// As [`open`](crate::open), and those of mapping.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = crate::open(path)?;
        let metadata = file.metadata()?;
        // SAFETY: the mapping is only read. That others may change the file meanwhile is what the type's documentation is about.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self {
            file,
            length: metadata.len(),
            modified: metadata.modified().ok(),
            bytes: if map.is_empty() { Bytes::new() } else { Bytes::from_owner(map) },
        })
    }

    /// The content. Slices of it keep the mapping.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Checks that nobody has written into the file since it was mapped. One that took its place under the same name is another file.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if somebody has.
    pub fn check_unchanged(&self) -> io::Result<()> {
        let now = self.file.metadata()?;
        if now.len() == self.length && now.modified().ok() == self.modified {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "it was written into while it was read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_replaced_stays_and_one_that_is_written_into_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"before").expect("can be written");
        let mapped = MappedFile::open(&path).expect("can be mapped");
        let other = folder.path().join("other");
        std::fs::write(&other, b"after").expect("can be written");
        std::fs::rename(&other, &path).expect("can be replaced");
        assert_eq!(mapped.bytes().as_ref(), b"before");
        mapped.check_unchanged().expect("the file that was mapped is what it was");

        let mapped = MappedFile::open(&path).expect("can be mapped");
        std::fs::write(&path, b"longer than before").expect("can be written");
        assert_eq!(mapped.check_unchanged().expect_err("is another").kind(), io::ErrorKind::InvalidData);
        std::fs::write(&path, b"").expect("can be written");
        assert!(MappedFile::open(&path).expect("can be mapped").bytes().is_empty());
        assert!(MappedFile::open(folder.path()).is_err());
    }
}
