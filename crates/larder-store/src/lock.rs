//! One process a folder: two encodes of one split would trip over each other's parts.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::StoreError;

/// An advisory lock on a folder, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// The file in the folder that is locked. It stays when the lock goes.
    pub const FILE: &str = ".lock";

    /// Takes the lock without waiting, making the folder when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process holds it; [`StoreError::Io`].
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(StoreError::io("make the folder", folder))?;
        let path = folder.join(Self::FILE);
        let file = File::create(&path).map_err(StoreError::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: folder.to_path_buf() }),
            Err(TryLockError::Error(e)) => Err(StoreError::io("lock", &path)(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_is_told_and_the_lock_goes_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(matches!(FolderLock::take(folder.path()), Err(StoreError::Locked { .. })));
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }
}
