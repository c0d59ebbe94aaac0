//! Artifacts of a home that no run needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use larder_errors::spelled_enum;
use larder_files::{FileError, FolderLock};
use larder_run::{Larder, RunRecord};
use larder_runtime::Device;
use serde::Serialize;

use crate::PipelineError;

spelled_enum! {
    /// The kind of an artifact that can be made again.
    pub enum ArtifactKind {
        /// Token ids of a data set for an encoder.
        Tokens = "tokens",
        /// Vectors of a data set, an encoder and a level.
        Features = "features",
        /// Vectors of a plan, brought from its store.
        Collected = "collected",
        /// A worker's shard under way.
        Scratch = "scratch",
    } else "unknown artifact `{found}`; known: {known}"
}

/// An artifact that no run needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnneededArtifact {
    /// Its kind.
    pub kind: ArtifactKind,
    /// Its folder or file.
    pub path: PathBuf,
    /// Size of its files in bytes.
    pub bytes: u64,
}

/// The artifacts that no run needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UnneededArtifacts {
    /// Those that are old enough.
    pub artifacts: Vec<UnneededArtifact>,
    /// Their size in bytes.
    pub bytes: u64,
    /// Younger ones, and those that a process is at work on, which stay.
    pub kept: usize,
}

/// Finds artifacts of the home that no run was trained, tuned or judged on, and that were last written longer ago than `older_than`; with
/// `remove` it removes them. All of them can be made again. Runs, encoders and data sets stay.
///
/// # Errors
/// [`PipelineError::Run`] for a run that cannot be read: what it needs is not known, and nothing is removed.
pub fn collect_unneeded(
    larder: &Larder,
    older_than: Duration,
    remove: bool,
) -> Result<UnneededArtifacts, PipelineError> {
    let needed = needed(larder)?;
    let now = SystemTime::now();
    let mut found = UnneededArtifacts::default();
    for (kind, path) in artifacts(larder.home().root()) {
        if needed.contains(&path) {
            continue;
        }
        let Contents { bytes, last_written, is_busy } = Contents::of(&path);
        // A clock that was put back makes a file of the future, which is young.
        let age = last_written.map_or(Duration::ZERO, |written| now.duration_since(written).unwrap_or_default());
        if is_busy || age < older_than {
            found.kept += 1;
            continue;
        }
        if remove {
            let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(FileError::io("remove", &path))?;
            remove_empty_parents(&path, larder.home().root());
        }
        found.bytes += bytes;
        found.artifacts.push(UnneededArtifact { kind, path, bytes });
    }
    Ok(found)
}

/// Returns the folders that runs need: tokens and features of their data sets, by their own encoder where they were fine-tuned.
fn needed(larder: &Larder) -> Result<BTreeSet<PathBuf>, PipelineError> {
    let root = larder.home().root();
    let mut needed = BTreeSet::new();
    for run in RunRecord::names(larder) {
        let record = RunRecord::open(larder, &run)?;
        let kind = record.encode_options(Device::Cpu, 0).settings.kind();
        let own = record.head.tuned().map(|_| record.run.as_str());
        for encoder in std::iter::once(record.encoder.as_str()).chain(own) {
            needed.insert(root.join("tokens").join(&record.dataset).join(encoder));
            needed.insert(root.join("features").join(&record.dataset).join(encoder).join(&kind));
        }
    }
    Ok(needed)
}

/// Returns every artifact that can be made again.
fn artifacts(root: &Path) -> Vec<(ArtifactKind, PathBuf)> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| !is_hidden(path)).collect();
        paths.sort();
        paths
    };
    let below = |folders: Vec<PathBuf>| folders.iter().flat_map(|folder| entries(folder)).collect::<Vec<_>>();
    let of = |kind, paths: Vec<PathBuf>| paths.into_iter().map(move |path| (kind, path));
    let tokens = below(entries(&root.join("tokens")));
    let features = below(below(entries(&root.join("features"))));
    of(ArtifactKind::Tokens, tokens)
        .chain(of(ArtifactKind::Features, features))
        .chain(of(ArtifactKind::Collected, entries(&root.join("collected"))))
        .chain(of(ArtifactKind::Scratch, entries(&root.join("scratch"))))
        .collect()
}

/// What is in a folder, or a file.
#[derive(Default)]
struct Contents {
    bytes: u64,
    last_written: Option<SystemTime>,
    /// True if another process holds a folder in it.
    is_busy: bool,
}

impl Contents {
    fn of(path: &Path) -> Self {
        let mut contents = Self::default();
        contents.add(path);
        contents
    }

    fn add(&mut self, path: &Path) {
        let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
        if !metadata.is_dir() {
            self.bytes += metadata.len();
            self.last_written = self.last_written.max(metadata.modified().ok());
            return;
        }
        // Folders of work under way have a lock file, which an ended process no longer holds.
        if path.join(FolderLock::FILE).exists() && FolderLock::take_existing(path).is_none() {
            self.is_busy = true;
        }
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            self.add(&entry.path());
        }
    }
}

/// Removes the folders above that have nothing left in them.
fn remove_empty_parents(path: &Path, root: &Path) {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != root && parent.parent() != Some(root)) {
        if std::fs::remove_dir(parent).is_err() {
            return;
        }
    }
}
