//! Atomic commit of a run's folder.

use std::path::{Path, PathBuf};

use larder_files::{FileError, FolderLock, kill_point, remove_left_in};
use larder_run::{Head, Larder, RUN_FILE, RunError, RunRecord};

use crate::PipelineError;

/// Moves a run's folder into place in one rename, replacing an older run of its name. `more` writes the rest of the files.
///
/// Hidden folders are not runs, so leftovers of a killed process are never mistaken for one; [`remove_abandoned`] removes them.
pub(crate) fn commit_run(
    larder: &Larder,
    record: &RunRecord,
    head: &Head,
    more: impl FnOnce(&Path) -> Result<(), PipelineError>,
) -> Result<PathBuf, PipelineError> {
    let folder = larder.home().run(&record.run)?;
    let hidden = |state: &str| larder.home().runs().join(format!(".{}.{}.{state}", record.run, std::process::id()));
    let (making, old) = (hidden("new"), hidden("old"));
    let written = write_run(&making, record, head).and_then(|lock| {
        more(&making)?;
        kill_point("run-written");
        if folder.exists() {
            std::fs::rename(&folder, &old).map_err(FileError::io("move aside", &folder))?;
            kill_point("run-moved-aside");
        }
        std::fs::rename(&making, &folder).map_err(FileError::io("rename into place", &folder))?;
        Ok(lock)
    });
    let lock = match written {
        Ok(lock) => lock,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&making);
            return Err(error);
        }
    };
    kill_point("run-placed");
    // The run is complete; leftovers here are removed by whoever finds it up to date, or by the next training.
    let _ = std::fs::remove_dir_all(&old);
    let _ = std::fs::remove_file(folder.join(FolderLock::FILE));
    drop(lock);
    Ok(folder)
}

/// Removes a run. It is gone at once; its files go then, or with the next training if this process dies before.
///
/// # Errors
/// [`RunError::UnknownRun`]; [`FileError::Locked`] while it is being made; [`FileError::Io`].
pub fn remove_run(larder: &Larder, run: &str) -> Result<(), PipelineError> {
    let folder = larder.home().run(run)?;
    if !folder.join(RUN_FILE).is_file() {
        let (folder, known) = (larder.home().runs(), RunRecord::names(larder));
        return Err(RunError::UnknownRun { run: run.to_owned(), folder, known }.into());
    }
    let _lock = FolderLock::take(&folder)?;
    let removed = larder.home().runs().join(format!(".{run}.{}.new", std::process::id()));
    std::fs::rename(&folder, &removed).map_err(FileError::io("remove", &folder))?;
    Ok(std::fs::remove_dir_all(&removed).map_err(FileError::io("remove", &removed))?)
}

/// Removes leftovers of a killed process from a complete run: temporary files, and the lock.
pub(crate) fn remove_left_in_run(folder: &Path) {
    remove_left_in(folder);
    // The lock is held while the run is still being committed.
    if folder.join(FolderLock::FILE).exists() && FolderLock::take(folder).is_ok() {
        let _ = std::fs::remove_file(folder.join(FolderLock::FILE));
    }
}

/// Writes a run's files into `making`, and returns the lock that shows others it is being made.
fn write_run(making: &Path, record: &RunRecord, head: &Head) -> Result<FolderLock, PipelineError> {
    let lock = FolderLock::take(making)?;
    head.save(making)?;
    record.save(making)?;
    Ok(lock)
}

/// Removes leftovers of killed trainings; a run that was moved aside but not replaced is restored.
pub(crate) fn remove_abandoned(larder: &Larder) -> Result<(), PipelineError> {
    let runs = larder.home().runs();
    for entry in std::fs::read_dir(&runs).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let Some(hidden) = name.strip_prefix('.') else { continue };
        if hidden.ends_with(".new") {
            // The lock is held while the run is being made.
            if let Some(lock) = FolderLock::take_existing(&path) {
                lock.remove_folder()?;
            }
        } else if let Some((run, process)) = hidden.strip_suffix(".old").and_then(|rest| rest.rsplit_once('.')) {
            // Whoever is replacing this run holds the lock of the new one, wherever that is by now.
            let making = runs.join(format!(".{run}.{process}.new"));
            let is_held = |folder: &Path| folder.join(FolderLock::FILE).exists() && FolderLock::take(folder).is_err();
            if is_held(&making) || is_held(&runs.join(run)) {
                continue;
            }
            if runs.join(run).exists() {
                std::fs::remove_dir_all(&path).map_err(FileError::io("remove", &path))?;
            } else {
                std::fs::rename(&path, runs.join(run)).map_err(FileError::io("put back", &path))?;
            }
        }
    }
    Ok(())
}
