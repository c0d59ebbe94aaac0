//! The folder of finished parts beside a file that is being made.
//!
//! It holds `provenance.json`, one file a part, and a lock. A run that finds parts of exactly its own provenance goes on
//! from them; parts of anything else are removed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{FileError, FolderLock, Provenance, kill_point, read_json, write_json};

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
    /// [`FileError::Locked`] when another process makes the same file; [`FileError::Io`].
    pub fn open(target: &Path, provenance: &Provenance) -> Result<Self, FileError> {
        let folder = Self::folder_of(target);
        let lock = FolderLock::take(&folder)?;
        if found_in(&folder).as_ref() != Some(provenance) {
            remove_content(&folder)?;
            write_json(&folder.join(PROVENANCE), provenance)?;
        }
        Ok(Self { folder, target: target.to_path_buf(), lock })
    }

    /// Returns when no process makes `target`; says whether it waited. See [`FolderLock::wait`].
    pub fn wait(target: &Path) -> bool {
        FolderLock::wait(&Self::folder_of(target))
    }

    fn folder_of(target: &Path) -> PathBuf {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".parts");
        target.with_file_name(name)
    }

    /// Returns true if `target` is the parts beside it joined, by a process that was killed before it removed them;
    /// then they are removed. A file that does not record its provenance is known by that to be made from `made_from`.
    pub fn were_joined_into(target: &Path, made_from: &Provenance) -> bool {
        let Some((folder, lock)) = Self::left_beside(target) else { return false };
        let found = found_in(&folder);
        let is_joined = found.as_ref() == Some(made_from) && is_joined(&folder, target).unwrap_or(false);
        // Parts that do not say what they are of were being removed.
        if is_joined || found.is_none() {
            let _ = remove(&folder, lock);
        }
        is_joined
    }

    /// Removes the parts beside `target` that a killed process left, if they are those of a file made from `made_from`, or
    /// do not say what they are of, as when the process was killed while it removed them.
    pub(crate) fn remove_left(target: &Path, made_from: &Provenance) {
        let Some((folder, lock)) = Self::left_beside(target) else { return };
        if found_in(&folder).is_none_or(|found| made_from.changes_since(&found).is_empty()) {
            // Best effort: who is next tries again.
            let _ = remove(&folder, lock);
        }
    }

    /// The folder that a killed process left beside `target`; `None` where there is none, or somebody is at work in it.
    fn left_beside(target: &Path) -> Option<(PathBuf, FolderLock)> {
        let folder = Self::folder_of(target);
        // Without a lock it is empty, and goes, or it is no folder of parts.
        if std::fs::remove_dir(&folder).is_ok() || !folder.join(FolderLock::FILE).exists() {
            return None;
        }
        FolderLock::take_existing(&folder).map(|lock| (folder, lock))
    }

    /// Returns the path of part `index`, written or not.
    pub fn path(&self, index: usize) -> PathBuf {
        Self::path_in(&self.folder, index)
    }

    /// Returns the path of part `index` in such a folder, without borrowing the parts.
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
        // What cannot be removed now is emptied by the next run.
        let _ = remove(&self.folder, self.lock);
    }

    /// Makes the file of the first `count` parts, by a function that is given them and the file's path, and removes the
    /// folder.
    ///
    /// # Errors
    /// Of `join`; the parts are kept then.
    pub fn join<E>(self, count: usize, join: impl FnOnce(&[PathBuf], &Path) -> Result<(), E>) -> Result<(), E> {
        let parts: Vec<PathBuf> = (0..count).map(|index| self.path(index)).collect();
        join(&parts, &self.target)?;
        kill_point("parts-joined");
        // The file stands. A folder that cannot be removed now is by whoever finds the file up to date.
        let _ = remove(&self.folder, self.lock);
        Ok(())
    }
}

/// Returns the provenance of the parts in a folder, if it is recorded.
fn found_in(folder: &Path) -> Option<Provenance> {
    read_json(&folder.join(PROVENANCE)).ok().flatten()
}

/// Removes a folder of parts, what they are of first: so parts that say it are all there.
fn remove(folder: &Path, lock: FolderLock) -> Result<(), FileError> {
    let _ = std::fs::remove_file(folder.join(PROVENANCE));
    lock.remove_folder()
}

/// Returns true if the file's bytes are those of all parts in the folder.
fn is_joined(folder: &Path, target: &Path) -> std::io::Result<bool> {
    let mut whole = BufReader::new(File::open(target)?);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for index in 0.. {
        let Ok(part) = File::open(Parts::path_in(folder, index)) else { break };
        let mut part = BufReader::new(part);
        loop {
            theirs.clear();
            part.by_ref().take(1 << 20).read_to_end(&mut theirs)?;
            ours.clear();
            whole.by_ref().take(theirs.len() as u64).read_to_end(&mut ours)?;
            match (theirs.is_empty(), ours == theirs) {
                (true, _) => break,
                (false, true) => {}
                (false, false) => return Ok(false),
            }
        }
    }
    Ok(whole.fill_buf()?.is_empty())
}

/// Removes everything but the lock that this process holds.
fn remove_content(folder: &Path) -> Result<(), FileError> {
    let failed = |source| FileError::Io { action: "empty the folder", path: folder.to_path_buf(), source };
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
    fn what_a_killed_process_left_of_a_file_that_stands_goes_and_other_work_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("all.txt");
        let (one, other) = (Provenance::new("join", 1).with("from", "a"), Provenance::new("join", 1).with("from", "b"));
        let beside = Parts::folder_of(&target);
        let open = |of: &Provenance| {
            let parts = Parts::open(&target, of).unwrap();
            std::fs::write(parts.path(0), "first").unwrap();
            parts
        };
        let held = open(&one);
        Parts::remove_left(&target, &one);
        assert!(beside.exists(), "somebody is at it");
        drop(held);
        Parts::remove_left(&target, &other);
        assert!(beside.exists(), "of another file, from which a later run goes on");
        Parts::remove_left(&target, &one.clone().with("ran.device", "cuda"));
        assert!(!beside.exists(), "where it ran makes no other file");
        drop(open(&one));
        std::fs::remove_file(beside.join(PROVENANCE)).unwrap();
        crate::remove_left_beside(&target, &other);
        assert!(!beside.exists(), "killed while it was being removed");

        let parts = open(&one);
        std::fs::write(parts.path(1), "second").unwrap();
        drop(parts);
        std::fs::write(&target, "firstsecond.").unwrap();
        assert!(!Parts::were_joined_into(&target, &one), "another file");
        std::fs::write(&target, "firstsecond").unwrap();
        assert!(!Parts::were_joined_into(&target, &other) && beside.exists(), "made from something else");
        assert!(Parts::were_joined_into(&target, &one) && !beside.exists());
        assert!(!Parts::were_joined_into(&target, &one), "nothing tells any more");

        // Killed while the parts of a finished file were being removed, and behind the last of them.
        drop(open(&one));
        std::fs::remove_file(beside.join(PROVENANCE)).unwrap();
        assert!(!Parts::were_joined_into(&target, &one) && !beside.exists());
        std::fs::create_dir(&beside).unwrap();
        assert!(!Parts::were_joined_into(&target, &one) && !beside.exists());
        // A folder of that name that larder never worked in.
        std::fs::create_dir(&beside).unwrap();
        std::fs::write(beside.join("thesis"), "years").unwrap();
        assert!(!Parts::were_joined_into(&target, &one));
        Parts::remove_left(&target, &one);
        assert_eq!(std::fs::read_dir(&beside).unwrap().count(), 1);
    }

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
