//! Folders in a store, under the digest of all their files: encoders, runs, and what commands made.

use std::path::Path;

use larder_files::{FileError, digest_bytes, digest_file};
use serde::{Deserialize, Serialize};

use crate::plan::{PlannedEncoder, PlannedFile};
use crate::store::Store;
use crate::{ScaleError, keys};

/// A folder in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFolder {
    /// The digest of the names and digests of its files.
    pub digest: String,
    /// Its files, sorted by name.
    pub files: Vec<PlannedFile>,
}

impl StoredFolder {
    /// Puts the files called `names` of a folder into the store, each unless it is there. `key` makes the key of a file from the
    /// folder's digest and the file's name.
    ///
    /// # Errors
    /// [`ScaleError::File`]; [`ScaleError`] of the store.
    pub(crate) fn publish(
        store: &Store,
        folder: &Path,
        names: &[String],
        key: fn(&str, &str) -> String,
    ) -> Result<Self, ScaleError> {
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            files.push(PlannedFile { name: name.clone(), digest: digest_file(&folder.join(name))? });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let list: String = files.iter().map(|file| format!("{} {}\n", file.digest, file.name)).collect();
        let digest = digest_bytes(list.as_bytes());
        for file in &files {
            store.put_content(&key(&digest, &file.name), &folder.join(&file.name))?;
        }
        Ok(Self { digest, files })
    }

    /// Fetches the files into `folder` and compares their digests. `what` names a file in messages.
    ///
    /// # Errors
    /// [`ScaleError::NotThere`], [`ScaleError::Damaged`], [`ScaleError::File`]; [`ScaleError`] of the store.
    pub(crate) fn fetch(
        &self,
        store: &Store,
        folder: &Path,
        key: fn(&str, &str) -> String,
        (what, way_out): (&'static str, &'static str),
    ) -> Result<(), ScaleError> {
        for file in &self.files {
            let (key, target) = (key(&self.digest, &file.name), folder.join(&file.name));
            let parent = target.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(FileError::io("make the folder", parent))?;
            if !store.fetch(&key, &target)? {
                return Err(ScaleError::NotThere { what, uri: store.object(&key), way_out });
            }
            let found = digest_file(&target)?;
            if found != file.digest {
                let (uri, expected) = (store.object(&key), file.digest.clone());
                return Err(ScaleError::Damaged { uri, expected, found, way_out: "remove it, and make it again" });
            }
        }
        Ok(())
    }

    /// Puts all files of a run's, or of a result's, folder into the store but hidden ones and those that `is_left_out` names.
    ///
    /// # Errors
    /// [`ScaleError::File`]; [`ScaleError`] of the store.
    pub fn publish_result(
        store: &Store,
        folder: &Path,
        is_left_out: &dyn Fn(&str) -> bool,
    ) -> Result<Self, ScaleError> {
        let mut names = Vec::new();
        list_files(folder, "", &mut names)?;
        names.retain(|name| !is_left_out(name));
        Self::publish(store, folder, &names, keys::result_file)
    }

    /// Fetches a run, or a result, into `folder`, which appears whole or not at all. What is there stays.
    ///
    /// # Errors
    /// As of the store; [`ScaleError::NotThere`], [`ScaleError::Damaged`], [`ScaleError::File`].
    pub fn fetch_result(&self, store: &Store, folder: &Path) -> Result<(), ScaleError> {
        if folder.exists() {
            return Ok(());
        }
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(FileError::io("make the folder", parent))?;
        let beside = tempfile::Builder::new().prefix(".fetched-").tempdir_in(parent);
        let beside = beside.map_err(FileError::io("make a folder in", parent))?;
        let whole = beside.path().join("whole");
        std::fs::create_dir_all(&whole).map_err(FileError::io("make the folder", &whole))?;
        let way_out =
            "a result that a commit or a plan names must not be removed: make the plan again in another store";
        self.fetch(store, &whole, keys::result_file, ("file of a result", way_out))?;
        match std::fs::rename(&whole, folder) {
            // Another process was first.
            Err(_) if folder.exists() => Ok(()),
            renamed => Ok(renamed.map_err(FileError::io("rename into place", folder))?),
        }
    }
}

/// Lists the files below a folder but hidden ones, by their paths in it.
fn list_files(root: &Path, below: &str, names: &mut Vec<String>) -> Result<(), ScaleError> {
    let folder = root.join(below);
    let failed = || FileError::io("read the folder", &folder);
    for entry in std::fs::read_dir(&folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        match entry.file_type().map_err(failed())?.is_dir() {
            true => list_files(root, &name, names)?,
            false => names.push(name),
        }
    }
    Ok(())
}

/// Puts the files called `names` of an encoder's folder into the store, each unless it is there.
///
/// # Errors
/// [`ScaleError::File`]; [`ScaleError`] of the store.
pub fn publish_encoder(
    store: &Store,
    name: &str,
    folder: &Path,
    names: &[String],
    (model_digest, tokenizer_digest): (&str, &str),
) -> Result<PlannedEncoder, ScaleError> {
    let StoredFolder { digest, files } = StoredFolder::publish(store, folder, names, keys::encoder_file)?;
    let (name, model_digest, tokenizer_digest) =
        (name.to_owned(), model_digest.to_owned(), tokenizer_digest.to_owned());
    Ok(PlannedEncoder { name, digest, model_digest, tokenizer_digest, files })
}

/// Fetches the files of a plan's encoder into `folder` and compares their digests.
///
/// # Errors
/// [`ScaleError::NotThere`], [`ScaleError::Damaged`], [`ScaleError::File`]; [`ScaleError`] of the store.
pub fn fetch_encoder_files(store: &Store, encoder: &PlannedEncoder, folder: &Path) -> Result<(), ScaleError> {
    std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
    let way_out = "make the plan again on a machine that has the encoder: that puts it there";
    let stored = StoredFolder { digest: encoder.digest.clone(), files: encoder.files.clone() };
    stored.fetch(store, folder, keys::encoder_file, ("file of the encoder", way_out))
}
