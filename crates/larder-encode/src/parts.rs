//! The folder of finished parts beside a features file that is being made.
//!
//! It holds `provenance.json`, one Parquet file a part, and a lock. A run that finds parts of exactly its own provenance,
//! batch plan and device included, goes on from them; parts of anything else are removed.

use std::path::{Path, PathBuf};

use larder_store::{FeaturesFile, FolderLock, Provenance, StoreError, assemble_features, write_json};

const PROVENANCE: &str = "provenance.json";

/// The parts of one features file; held by one process at a time.
pub(crate) struct Parts {
    folder: PathBuf,
    target: PathBuf,
    lock: FolderLock,
}

impl Parts {
    /// Opens the folder beside `target`, emptying it unless it belongs to `provenance`.
    pub(crate) fn open(target: &Path, provenance: &Provenance) -> Result<Self, StoreError> {
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
    pub(crate) fn path(&self, index: usize) -> PathBuf {
        path_of(&self.folder, index)
    }

    /// The folder, for those who outlive a borrow of this.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether part `index` was finished by an earlier run and holds `rows` rows.
    pub(crate) fn is_done(&self, index: usize, rows: usize) -> bool {
        let path = self.path(index);
        path.exists() && FeaturesFile::open(&path).is_ok_and(|file| file.rows() == rows)
    }

    /// Makes the features file of the first `count` parts and removes the folder.
    pub(crate) fn assemble(self, count: usize, provenance: &Provenance) -> Result<(), StoreError> {
        let parts: Vec<PathBuf> = (0..count).map(|index| self.path(index)).collect();
        assemble_features(&parts, &self.target, provenance)?;
        drop(self.lock);
        // The file stands; a folder that cannot be removed now is emptied by the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
        Ok(())
    }
}

/// Where part `index` of `folder` lies.
pub(crate) fn path_of(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index:06}.parquet"))
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
