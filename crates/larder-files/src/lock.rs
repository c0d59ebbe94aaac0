//! One process a folder: two encodes of one split would trip over each other's parts.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::{FileError, kill_point};

/// Tries to take a folder that others keep removing.
const ATTEMPTS: usize = 100;

/// Tries to take a folder that is held, and the time between two: whoever only waits for it holds it for a moment.
const TRIES: usize = 5;
const MOMENT: Duration = Duration::from_millis(10);

/// Tells the user which folder this process waits for.
static TELL: OnceLock<fn(&Path)> = OnceLock::new();

/// Has [`FolderLock::wait`] wait from now on, and say so with `tell`, which is given the folder.
pub fn wait_for_others(tell: fn(&Path)) {
    // Who told first keeps the word.
    let _ = TELL.set(tell);
}

/// An advisory lock on a folder, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    folder: PathBuf,
}

impl FolderLock {
    /// The file in the folder that is locked. It stays when the lock goes.
    pub const FILE: &str = ".lock";

    /// Takes the lock without waiting, making the folder when it is missing.
    ///
    /// # Errors
    /// [`FileError::Locked`] when another process holds it; [`FileError::Io`].
    pub fn take(folder: &Path) -> Result<Self, FileError> {
        let path = folder.join(Self::FILE);
        let (mut attempt, mut tries) = (1, 1);
        loop {
            std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
            let file = match File::create(&path) {
                // Its holder removed the folder this very moment.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                file => file.map_err(FileError::io("write", &path))?,
            };
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Self { file, folder: folder.to_path_buf() }),
                Ok(()) if attempt < ATTEMPTS => attempt += 1,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(MOMENT);
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {
                    return Err(FileError::Locked { path: folder.to_path_buf() });
                }
                Err(TryLockError::Error(e)) => return Err(FileError::io("lock", &path)(e)),
            }
        }
    }

    /// Returns when no process holds the folder, or at once in a process that does not [wait for others](wait_for_others). It is for
    /// the time before one looks what there is to do: the other process may have done it. Says whether it waited.
    pub fn wait(folder: &Path) -> bool {
        let Some(tell) = TELL.get() else { return false };
        // Without the file nobody holds it; what cannot be opened is the next step's error.
        let Ok(file) = File::open(folder.join(Self::FILE)) else { return false };
        let is_held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        if is_held {
            tell(folder);
            let _ = file.lock_shared();
        }
        is_held
    }

    /// Takes the lock of a folder that is there; `None` where it is not, or another process holds it.
    pub fn take_existing(folder: &Path) -> Option<Self> {
        if folder.is_dir() { Self::take(folder).ok() } else { None }
    }

    /// Removes the folder with everything in it. Nobody else can take it meanwhile: the lock's own file goes last.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn remove_folder(self) -> Result<(), FileError> {
        let Self { file, folder } = self;
        let failed = |error| FileError::io("remove", &folder)(error);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() == Self::FILE {
                continue;
            }
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            let removed =
                if is_folder { std::fs::remove_dir_all(entry.path()) } else { std::fs::remove_file(entry.path()) };
            removed.map_err(failed)?;
            kill_point("folder-entry-removed");
        }
        std::fs::remove_file(folder.join(Self::FILE)).map_err(failed)?;
        kill_point("folder-emptied");
        drop(file);
        match std::fs::remove_dir(&folder) {
            // Somebody took it for work of their own.
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed),
        }
    }
}

/// Returns true if `file` is still the file at `path`, and was not removed.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata().map(place), path.metadata().map(place)), (Ok(held), Ok(there)) if held == there)
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_is_told_and_the_lock_goes_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(matches!(FolderLock::take(folder.path()), Err(FileError::Locked { .. })));
        assert!(FolderLock::take_existing(folder.path()).is_none());
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn whoever_waits_is_told_and_goes_on_when_the_holder_ends() {
        static TOLD: OnceLock<PathBuf> = OnceLock::new();
        let folder = tempfile::tempdir().unwrap();
        assert!(!FolderLock::wait(folder.path()));
        let held = FolderLock::take(folder.path()).unwrap();
        // A process that was not told to wait does not.
        assert!(!FolderLock::wait(folder.path()));
        wait_for_others(|folder| drop(TOLD.set(folder.to_path_buf())));
        let place = folder.path().to_path_buf();
        let waiting = std::thread::spawn(move || FolderLock::wait(&place));
        while TOLD.get().is_none() {
            std::thread::sleep(MOMENT);
        }
        assert!(!waiting.is_finished());
        drop(held);
        assert!(waiting.join().unwrap());
        assert_eq!(TOLD.get().map(PathBuf::as_path), Some(folder.path()));
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_goes_with_everything_in_it_and_is_not_made_to_be_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        assert!(FolderLock::take_existing(&folder).is_none() && !folder.exists());
        let lock = FolderLock::take(&folder).unwrap();
        std::fs::create_dir_all(folder.join("b/c")).unwrap();
        std::fs::write(folder.join("b/c/d"), "x").unwrap();
        lock.remove_folder().unwrap();
        assert!(!folder.exists());
        let lock = FolderLock::take(&folder).unwrap();
        assert!(FolderLock::take(&folder).is_err());
        drop(lock);
    }
}
