//! Files that appear whole or not at all: temporary file beside the target, fsync, rename, fsync of the folder.
//!
//! A temporary file is locked for as long as it is written. The lock goes with its process, so that whoever writes the
//! same file next can tell a killed process's file from one that is under way.

use std::fs::{File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::{Builder, NamedTempFile};

use crate::{FileError, kill_point};

/// The time after which an untouched temporary file was left by a killed process, on file systems without locks.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// A file being written that takes its name only in [`AtomicFile::commit`]; dropped before that, it is gone.
///
/// Missing parent folders are made. Temporary files that a killed process left beside the same target are removed.
#[derive(Debug)]
pub struct AtomicFile {
    writer: BufWriter<NamedTempFile>,
    target: PathBuf,
}

impl AtomicFile {
    /// Opens a temporary file in `target`'s own folder, so that the rename stays on one file system.
    ///
    /// # Errors
    /// [`FileError::Io`] when the folder cannot be made or written.
    pub fn create(target: &Path) -> Result<Self, FileError> {
        let folder = parent(target);
        Self::create_in(folder, target)
    }

    /// Creates the file as [`AtomicFile::create`] does, with the temporary file in `folder`, which must be on
    /// `target`'s file system.
    ///
    /// # Errors
    /// [`FileError::Io`] when either folder cannot be made or written.
    pub fn create_in(folder: &Path, target: &Path) -> Result<Self, FileError> {
        for needed in [folder, parent(target)] {
            std::fs::create_dir_all(needed).map_err(FileError::io("make the folder", needed))?;
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        remove_abandoned(folder, &prefix);
        let file = locked_temporary(folder, &prefix).map_err(FileError::io("write in", folder))?;
        Ok(Self { writer: BufWriter::with_capacity(1 << 20, file), target: target.to_path_buf() })
    }

    /// Returns the file with everything written so far, to go back in it before it is [committed](Self::commit).
    ///
    /// # Errors
    /// Those of the disk.
    pub fn written(&mut self) -> std::io::Result<&mut File> {
        self.writer.flush()?;
        Ok(self.writer.get_mut().as_file_mut())
    }

    /// Returns the path that the file gets when it is committed.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Writes everything through to the disk and gives the file its name, replacing an older one in one step.
    ///
    /// # Errors
    /// [`FileError::Io`]; the target is then what it was before.
    pub fn commit(self) -> Result<(), FileError> {
        let target = self.target;
        let file = self.writer.into_inner().map_err(|e| FileError::io("write", &target)(e.into_error()))?;
        file.as_file().sync_all().map_err(FileError::io("write", &target))?;
        kill_point("file-written");
        file.persist(&target).map_err(|e| FileError::io("rename into place", &target)(e.error))?;
        kill_point("file-renamed");
        sync_folder(parent(&target));
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

/// Writes `target` atomically with what `write` puts into it.
///
/// # Errors
/// [`FileError::Io`]; on any error, `write`'s own included, the target is what it was before.
pub fn write_atomic<F>(target: &Path, write: F) -> Result<(), FileError>
where
    F: FnOnce(&mut dyn Write) -> std::io::Result<()>,
{
    let mut file = AtomicFile::create(target)?;
    write(&mut file).map_err(FileError::io("write", target))?;
    file.commit()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// `tempfile` makes files only their owner may read; artifacts are for everybody the umask allows.
#[cfg(unix)]
fn default_permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

#[cfg(not(unix))]
fn default_permissions() -> std::fs::Permissions {
    // Only read-only-ness exists elsewhere, and any existing writable file shows the default.
    std::env::current_exe()
        .and_then(std::fs::metadata)
        .map(|m| m.permissions())
        .expect("a running program's own file has metadata")
}

/// Makes the rename itself durable. A file system that cannot sync folders has no other way, so failure is ignored.
fn sync_folder(folder: &Path) {
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
}

/// A new temporary file that this process has locked.
fn locked_temporary(folder: &Path, prefix: &str) -> std::io::Result<NamedTempFile> {
    loop {
        let file =
            Builder::new().prefix(prefix).suffix(".tmp").permissions(default_permissions()).tempfile_in(folder)?;
        // Where locks are not to be had, age tells.
        let _ = file.as_file().try_lock();
        // Before it was locked, another process may have taken it for abandoned.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes the temporary files of `target` in its own folder that killed processes left.
pub(crate) fn remove_temporaries(target: &Path) {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    remove_abandoned(parent(target), &format!(".{name}."));
}

/// Best effort: what cannot be listed or removed is left.
pub(crate) fn remove_abandoned(folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(prefix) && name.ends_with(".tmp")) {
            continue;
        }
        let Ok(file) = File::options().write(true).open(entry.path()) else { continue };
        let is_abandoned = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(_)) => is_old(&file),
        };
        // Removed while the lock is held: whoever made it and waits for the lock sees that it is gone.
        if is_abandoned {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn is_old(file: &File) -> bool {
    let modified = file.metadata().and_then(|m| m.modified());
    modified.is_ok_and(|t| SystemTime::now().duration_since(t).is_ok_and(|age| age > ABANDONED_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/a.txt");
        write_atomic(&path, |w| w.write_all(b"old")).unwrap();
        let error = write_atomic(&path, |w| {
            w.write_all(b"new, half")?;
            Err(std::io::Error::other("disk on fire"))
        })
        .unwrap_err();
        assert!(error.to_string().contains("a.txt") && error.to_string().contains("disk on fire"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "the temporary file is gone");
    }

    #[test]
    fn temporary_files_of_killed_processes_are_removed_and_those_under_way_kept() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        let abandoned = folder.path().join(".a.txt.abc.tmp");
        let other = folder.path().join(".b.txt.abc.tmp");
        std::fs::write(&abandoned, b"x").unwrap();
        std::fs::write(&other, b"x").unwrap();
        let mut under_way = AtomicFile::create(&target).unwrap();
        assert!(!abandoned.exists() && other.exists());
        write_atomic(&target, |w| w.write_all(b"1")).unwrap();
        under_way.write_all(b"2").unwrap();
        under_way.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"2");
    }

    #[cfg(unix)]
    #[test]
    fn files_are_as_readable_as_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomic(&ours, |w| w.write_all(b"1")).unwrap();
        std::fs::write(&plain, b"1").unwrap();
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&ours), mode(&plain));
    }
}
