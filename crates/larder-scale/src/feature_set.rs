//! The parts of a feature set, brought to this machine.

use std::path::{Path, PathBuf};

use larder_files::{FileError, digest_file};
use larder_store::join_parquet;

use crate::manifest::{Manifest, ManifestPart};
use crate::store::Store;
use crate::{ObjectUri, ScaleError, keys};

/// A feature set in a store: exactly the parts that its manifest names.
#[derive(Debug)]
pub struct FeatureSet {
    store: Store,
    manifest: Manifest,
}

impl FeatureSet {
    /// Opens the feature set of a manifest's name, `STORE/manifests/ID.json`.
    ///
    /// # Errors
    /// [`ScaleError::NotThere`] where it is not collected; [`ScaleError`] of the store.
    pub fn open(uri: &ObjectUri) -> Result<Self, ScaleError> {
        let store = Store::open(&uri.store)?;
        match Manifest::read(&store, &uri.plan_id)? {
            Some(manifest) => Ok(Self { store, manifest }),
            None => {
                let way_out = "it is made when the plan is collected";
                Err(ScaleError::NotThere {
                    what: "manifest",
                    uri: store.object(&keys::manifest(&uri.plan_id)),
                    way_out,
                })
            }
        }
    }

    /// Takes a manifest that was just made.
    pub fn of(store: Store, manifest: Manifest) -> Self {
        Self { store, manifest }
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest, without its store.
    pub fn into_manifest(self) -> Manifest {
        self.manifest
    }

    /// The name of the manifest in its store.
    pub fn uri(&self) -> String {
        self.store.object(&keys::manifest(&self.manifest.plan))
    }

    /// Brings a part into `folder` under the name `name` and compares its digest. A part in a shared folder is linked to.
    ///
    /// # Errors
    /// [`ScaleError::NotThere`], [`ScaleError::Damaged`], [`ScaleError::File`]; [`ScaleError`] of the store.
    pub fn bring(&self, part: &ManifestPart, folder: &Path, name: &str) -> Result<PathBuf, ScaleError> {
        let target = folder.join(name);
        let not_there = || {
            let way_out =
                "a part that a manifest names must not be removed: make the plan's features again in another store";
            ScaleError::NotThere { what: "part", uri: self.store.object(&part.key), way_out }
        };
        match self.store.local_path(&part.key) {
            Some(path) if !path.is_file() => return Err(not_there()),
            Some(path) => link(&path, &target).map_err(FileError::io("link to the part in", folder))?,
            None if !self.store.fetch(&part.key, &target)? => return Err(not_there()),
            None => {}
        }
        let found = digest_file(&target)?;
        if found != part.digest {
            let (uri, expected) = (self.store.object(&part.key), part.digest.clone());
            let way_out = "restore it from a copy, or make the plan's features again in another store";
            return Err(ScaleError::Damaged { uri, expected, found, way_out });
        }
        Ok(target)
    }

    /// Joins all parts into one features file at `target`, atomically, as `larder encode` would have written it. `each` hears how
    /// many parts were brought.
    ///
    /// # Errors
    /// As [`FeatureSet::bring`]; [`ScaleError::Store`].
    pub fn join(&self, target: &Path, each: &mut dyn FnMut(usize)) -> Result<(), ScaleError> {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(FileError::io("make the folder", parent))?;
        // Beside the target: joined parts take their place by a rename.
        let folder = tempfile::Builder::new().prefix(".parts-").tempdir_in(parent);
        let folder = folder.map_err(FileError::io("make a folder in", parent))?;
        let mut paths = Vec::with_capacity(self.manifest.parts.len());
        for (at, part) in self.manifest.parts.iter().enumerate() {
            paths.push(self.bring(part, folder.path(), &format!("{at:06}.parquet"))?);
            each(at + 1);
        }
        Ok(join_parquet(&paths, target, &self.manifest.provenance)?)
    }
}

#[cfg(unix)]
fn link(path: &Path, target: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(std::path::absolute(path)?, target)
}

#[cfg(not(unix))]
fn link(path: &Path, target: &Path) -> std::io::Result<()> {
    std::fs::copy(path, target).map(drop)
}
