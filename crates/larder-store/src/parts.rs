//! The folder of finished parts beside a file that is being made.
//!
//! It holds `provenance.json`, one file a part, and a lock. A run that finds parts of exactly its own provenance goes on
//! from them; parts of anything else are removed.

use std::path::{Path, PathBuf};

use crate::{FolderLock, Provenance, StoreError, write_json};

const PROVENANCE: &str = "provenance.json";

/// The parts of one file; held by one process at a time. A part is written atomically, so one that is there is whole.
#[derive(Debug)]
pub struct Parts {
    folder: PathBuf,
    target: PathBuf,
    lock: FolderLock,
}

impl Parts {
    /// Opens the folder beside `target`, emptying it unless it belongs to `provenance`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process makes the same file; [`StoreError::Io`].
    pub fn open(target: &Path, provenance: &Provenance) -> Result<Self, StoreError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".parts");
        let folder = target.with_file_name(name);
        let lock = FolderLock::take(&folder)?;
        let own = folder.join(PROVENANCE);
        let found: Option<Provenance> = std::fs::read(&own).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if found.as_ref() != Some(provenance) {
            remove_content(&folder)?;
            write_json(&own, provenance)?;
        }
        Ok(Self { folder, target: target.to_path_buf(), lock })
    }

    /// Where part `index` lies, written or not.
    pub fn path(&self, index: usize) -> PathBuf {
        Self::path_in(&self.folder, index)
    }

    /// Where part `index` of such a folder lies, for those who outlive a borrow of this.
    pub fn path_in(folder: &Path, index: usize) -> PathBuf {
        let part = folder.join(format!("{index:06}"));
        // `train.parquet.parts` has parts `000000.parquet`.
        match folder.file_stem().and_then(|target| Path::new(target).extension()) {
            Some(extension) => part.with_extension(extension),
            None => part,
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends without a file: parts that are done stay for the next time; without any the folder goes.
    pub fn leave(self) {
        if self.path(0).exists() {
            return;
        }
        drop(self.lock);
        // What cannot be removed now is emptied by the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Makes the file of the first `count` parts, by a function that is given them and the file's path, and removes the
    /// folder.
    ///
    /// # Errors
    /// Of `join`; the parts are kept then.
    pub fn join<E: From<StoreError>>(
        self,
        count: usize,
        join: impl FnOnce(&[PathBuf], &Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let parts: Vec<PathBuf> = (0..count).map(|index| self.path(index)).collect();
        join(&parts, &self.target)?;
        drop(self.lock);
        // The file stands; a folder that cannot be removed now is emptied by the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
        Ok(())
    }
}

/// Everything but the lock that this process holds.
fn remove_content(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io { action: "empty the folder", path: folder.to_path_buf(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != FolderLock::FILE {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_same_are_kept_and_of_anything_else_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("all.txt");
        let (one, other) = (Provenance::new("join", 1).with("from", "a"), Provenance::new("join", 1).with("from", "b"));
        let parts = Parts::open(&target, &one).unwrap();
        std::fs::write(parts.path(0), "first").unwrap();
        assert!(Parts::open(&target, &one).is_err(), "somebody is at it");
        drop(parts);
        assert!(Parts::open(&target, &one).unwrap().path(0).exists());
        Parts::open(&target, &one).unwrap().leave();
        assert!(Parts::open(&target, &one).unwrap().path(0).exists(), "what is done stays");
        let parts = Parts::open(&target, &other).unwrap();
        assert!(!parts.path(0).exists());
        let folder_of_none = parts.folder().to_path_buf();
        parts.leave();
        assert!(!folder_of_none.exists());
        let parts = Parts::open(&target, &other).unwrap();
        std::fs::write(parts.path(0), "1").unwrap();
        std::fs::write(parts.path(1), "2").unwrap();
        let beside = parts.folder().to_path_buf();
        let joined = parts.join(2, |parts, target| {
            let all: String = parts.iter().map(|part| std::fs::read_to_string(part).unwrap()).collect();
            crate::write_atomic(target, |file| file.write_all(all.as_bytes()))
        });
        joined.unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "12");
        assert!(!beside.exists());
    }
}
