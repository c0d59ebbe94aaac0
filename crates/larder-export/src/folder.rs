//! The exported folder: it appears complete, or not at all.

use std::path::{Path, PathBuf};

use larder_files::{FileError, FolderLock, kill_point, write_atomic};

use crate::EXPORT_FILE;
use crate::error::ExportError;

/// A folder in progress, beside its target: `.<name>.exporting`. If dropped before [`ExportFolder::finish`], it is removed; a
/// killed process leaves it behind, and the next export to the target reuses it.
#[derive(Debug)]
pub(crate) struct ExportFolder {
    target: PathBuf,
    path: PathBuf,
    lock: Option<FolderLock>,
}

impl ExportFolder {
    /// Locks the folder in progress for `target`, which must be missing or empty; with `force` it may be an export, replaced at
    /// the end.
    ///
    /// # Errors
    /// [`ExportError::NotEmpty`], [`ExportError::NotAnExport`]; [`FileError::Locked`] while another process exports there.
    pub(crate) fn begin(target: &Path, force: bool) -> Result<Self, ExportError> {
        // An absolute path has a file name, unlike `.` or `../out/..`.
        let absolute = std::path::absolute(target).map_err(FileError::io("find", target))?;
        let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| ExportError::NotAnExport { path: target.to_path_buf() })?;
        let path = absolute.with_file_name(format!(".{name}.exporting"));
        FolderLock::wait(&path);
        let lock = FolderLock::take(&path)?;
        let begun =
            recover(&absolute, &replaced(&path)).and_then(|()| check(target, force)).and_then(|()| clear(&path));
        if let Err(error) = begun {
            let _ = lock.remove_folder();
            return Err(error);
        }
        Ok(Self { target: absolute, path, lock: Some(lock) })
    }

    /// Returns the present path of a file.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        Ok(write_atomic(&self.file(name), |file| std::io::Write::write_all(file, bytes))?)
    }

    /// Moves the folder to its target.
    ///
    /// # Errors
    /// [`FileError::Io`]; an earlier folder is then left in place.
    pub(crate) fn finish(mut self) -> Result<PathBuf, ExportError> {
        kill_point("export-written");
        let lock_file = self.path.join(FolderLock::FILE);
        std::fs::remove_file(&lock_file).map_err(FileError::io("remove", &lock_file))?;
        let old = replaced(&self.path);
        let replaces = self.target.join(EXPORT_FILE).exists();
        if replaces {
            std::fs::rename(&self.target, &old).map_err(FileError::io("move", &self.target))?;
            kill_point("export-moved-aside");
        } else if self.target.exists() {
            std::fs::remove_dir(&self.target).map_err(FileError::io("replace", &self.target))?;
        }
        if let Err(error) = std::fs::rename(&self.path, &self.target) {
            if replaces {
                // Restore the earlier export.
                let _ = std::fs::rename(&old, &self.target);
            }
            return Err(FileError::io("rename into place", &self.target)(error).into());
        }
        kill_point("export-placed");
        remove(&old)?;
        self.lock = None;
        Ok(self.target.clone())
    }
}

impl Drop for ExportFolder {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // Best effort: the folder is hidden, and the next export reuses it.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Returns the path where a replaced folder is kept for the moment.
fn replaced(path: &Path) -> PathBuf {
    path.with_extension("replaced")
}

/// Recovers from a killed process: an export that was moved aside is restored, or removed if its successor is complete.
fn recover(target: &Path, old: &Path) -> Result<(), ExportError> {
    if !old.exists() || target.join(EXPORT_FILE).exists() {
        return remove(old);
    }
    // An empty folder may have been made there meanwhile; anything else is left alone.
    match std::fs::remove_dir(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Ok(()),
        _ => Ok(std::fs::rename(old, target).map_err(FileError::io("put back", old))?),
    }
}

fn check(target: &Path, force: bool) -> Result<(), ExportError> {
    let path = || target.to_path_buf();
    let entries = match std::fs::read_dir(target) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(ExportError::NotAnExport { path: path() });
        }
        Err(error) => return Err(FileError::io("list", target)(error).into()),
    };
    match (entries.count(), target.join(EXPORT_FILE).is_file()) {
        (0, _) => Ok(()),
        (_, true) if force => Ok(()),
        (_, true) => Err(ExportError::NotEmpty { path: path() }),
        // With or without `force`.
        (_, false) => Err(ExportError::NotAnExport { path: path() }),
    }
}

/// Removes everything but the lock.
fn clear(folder: &Path) -> Result<(), ExportError> {
    for entry in std::fs::read_dir(folder).map_err(FileError::io("list", folder))? {
        let entry = entry.map_err(FileError::io("list", folder))?;
        if entry.file_name() != FolderLock::FILE {
            let path = entry.path();
            let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(FileError::io("remove", &path))?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), ExportError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::io("remove", folder)(error).into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use larder_run::RunError;

    use super::*;

    fn export(target: &Path, force: bool, text: &str) -> Result<PathBuf, ExportError> {
        let folder = ExportFolder::begin(target, force)?;
        folder.write(EXPORT_FILE, text.as_bytes())?;
        folder.finish()
    }

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_replaced_only_if_it_is_an_export_and_that_is_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out");
        export(&target, false, "one").unwrap();
        assert_eq!((entries(home.path()), entries(&target)), (vec!["out".to_owned()], vec![EXPORT_FILE.to_owned()]));
        assert!(matches!(export(&target, false, "two"), Err(ExportError::NotEmpty { .. })));
        export(&target, true, "two").unwrap();
        assert_eq!(std::fs::read(target.join(EXPORT_FILE)).unwrap(), b"two");
        assert_eq!(entries(home.path()), ["out"], "nothing of the old one is left");

        let precious = home.path().join("precious");
        std::fs::create_dir(&precious).unwrap();
        export(&precious, false, "into an empty one").unwrap();
        std::fs::remove_file(precious.join(EXPORT_FILE)).unwrap();
        std::fs::write(precious.join("thesis"), "x").unwrap();
        assert!(matches!(export(&precious, true, "x"), Err(ExportError::NotAnExport { .. })));
        assert!(matches!(export(&precious.join("thesis"), true, "x"), Err(ExportError::NotAnExport { .. })));
        assert_eq!(entries(&precious), ["thesis"]);
    }

    #[test]
    fn what_ends_early_leaves_nothing_and_what_was_killed_is_gone_over() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out");
        let begun = ExportFolder::begin(&target, false).unwrap();
        begun.write("model.onnx", b"half").unwrap();
        assert!(matches!(
            ExportFolder::begin(&target, false),
            Err(ExportError::Run(RunError::File(FileError::Locked { .. })))
        ));
        assert!(!target.exists());
        drop(begun);
        assert!(entries(home.path()).is_empty());

        // Killed between the two renames; killed before the old one was removed.
        export(&target, false, "old").unwrap();
        let aside = home.path().join(".out.replaced");
        std::fs::rename(&target, &aside).unwrap();
        assert!(matches!(export(&target, false, "new"), Err(ExportError::NotEmpty { .. })));
        assert_eq!(std::fs::read(target.join(EXPORT_FILE)).unwrap(), b"old", "it is back");
        std::fs::create_dir(&aside).unwrap();
        assert!(matches!(export(&target, false, "new"), Err(ExportError::NotEmpty { .. })));
        assert_eq!(entries(home.path()), ["out"]);
        std::fs::remove_dir_all(&target).unwrap();

        let left = home.path().join(".out.exporting");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("model.onnx"), "of a killed process").unwrap();
        export(&target, false, "whole").unwrap();
        assert_eq!((entries(home.path()), entries(&target)), (vec!["out".to_owned()], vec![EXPORT_FILE.to_owned()]));
    }
}
