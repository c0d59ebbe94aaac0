//! Putting an encoder's folder in its place, whole or not at all.
//!
//! A folder is built beside its place under a hidden name and renamed. One that takes the place of another needs two
//! renames; a process killed between them leaves the old folder under its hidden name, from where [`recover`] brings
//! it back.

use std::path::{Path, PathBuf};

use larder_files::{FolderLock, Home, kill_point};

use crate::EncoderError;

/// Ending of the hidden name of a folder that is being built.
const STAGED: &str = ".staged";
/// Ending of the hidden name of a folder whose place another takes.
const REPLACED: &str = ".replaced";

/// The folder of all encoders, held by this process alone until it is dropped.
pub(crate) struct Workshop {
    encoders: PathBuf,
    _lock: FolderLock,
}

impl Workshop {
    /// As [`Self::open`], after a process that holds it has ended; see [`FolderLock::wait`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn wait_and_open(home: &Home) -> Result<Self, EncoderError> {
        FolderLock::wait(&home.encoders());
        Self::open(home)
    }

    /// Takes the folder and tidies up after processes that were killed.
    ///
    /// # Errors
    /// [`EncoderError::File`] when another process holds it; [`EncoderError::Folder`].
    pub fn open(home: &Home) -> Result<Self, EncoderError> {
        let encoders = home.encoders();
        let workshop = Self { _lock: FolderLock::take(&encoders)?, encoders };
        workshop.tidy()?;
        Ok(workshop)
    }

    /// Removes half-built folders; brings replaced ones back whose successor never came.
    fn tidy(&self) -> Result<(), EncoderError> {
        for name in crate::files::names_in(&self.encoders)? {
            let Some(hidden) = name.strip_prefix('.') else { continue };
            let path = self.encoders.join(&name);
            if hidden.ends_with(STAGED) {
                remove(&path)?;
            } else if let Some(replaced) = hidden.strip_suffix(REPLACED) {
                let place = self.encoders.join(replaced);
                if place.exists() { remove(&path)? } else { rename(&path, &place)? }
            }
        }
        Ok(())
    }

    /// Removes the encoder `name`. It is gone at once; its files go then, or with [`Self::open`] if this process dies before.
    ///
    /// # Errors
    /// [`EncoderError::Folder`].
    pub fn remove(&self, name: &str) -> Result<(), EncoderError> {
        let aside = self.encoders.join(format!(".{name}{STAGED}"));
        rename(&self.encoders.join(name), &aside)?;
        sync(&self.encoders);
        remove(&aside)
    }

    /// An empty folder to build the encoder `name` in. `name` is one that [`Home::encoder`] took.
    ///
    /// # Errors
    /// [`EncoderError::Folder`].
    pub fn stage(&self, name: &str) -> Result<Staged<'_>, EncoderError> {
        let folder = self.encoders.join(format!(".{name}{STAGED}"));
        std::fs::create_dir(&folder).map_err(wrong("make", &folder))?;
        Ok(Staged { workshop: self, name: name.to_owned(), folder: Some(folder) })
    }
}

/// A folder under construction; gone when it is dropped before [`Staged::publish`].
pub(crate) struct Staged<'a> {
    workshop: &'a Workshop,
    name: String,
    /// `None` once it has its name.
    folder: Option<PathBuf>,
}

impl Staged<'_> {
    pub fn folder(&self) -> &Path {
        self.folder.as_deref().expect("a folder that is still staged has a path: publish consumes it")
    }

    /// Gives the folder its name, in place of an older one if there is one.
    ///
    /// # Errors
    /// [`EncoderError::Folder`]; the older folder is then still, or again, in its place.
    pub fn publish(mut self) -> Result<PathBuf, EncoderError> {
        let encoders = &self.workshop.encoders;
        let place = encoders.join(&self.name);
        sync(self.folder());
        if place.exists() {
            let aside = encoders.join(format!(".{}{REPLACED}", self.name));
            rename(&place, &aside)?;
            kill_point("encoder-moved-aside");
            if let Err(problem) = rename(self.folder(), &place) {
                // The first error is the one to tell; if this fails too, the next process brings the folder back.
                let _ = rename(&aside, &place);
                return Err(problem);
            }
            self.folder = None;
            sync(encoders);
            kill_point("encoder-placed");
            remove(&aside)?;
        } else {
            rename(self.folder(), &place)?;
            self.folder = None;
        }
        sync(encoders);
        Ok(place)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            // What cannot be removed now, the next process removes.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Brings `name` back if a killed process left it under its hidden name, and removes what else one left of it. Says whether
/// it is there now.
///
/// # Errors
/// [`EncoderError::Folder`].
pub(crate) fn recover(home: &Home, name: &str) -> Result<bool, EncoderError> {
    let encoders = home.encoders();
    let place = encoders.join(name);
    let is_left = |ending: &str| encoders.join(format!(".{name}{ending}")).is_dir();
    // A process that is replacing the folder this very moment holds the lock, and puts the new one there.
    if (is_left(REPLACED) || is_left(STAGED)) && Workshop::open(home).is_err() && !place.is_dir() && is_left(REPLACED) {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Ok(place.is_dir())
}

fn rename(from: &Path, to: &Path) -> Result<(), EncoderError> {
    std::fs::rename(from, to).map_err(wrong("give its name to", to))
}

fn remove(path: &Path) -> Result<(), EncoderError> {
    std::fs::remove_dir_all(path).map_err(wrong("remove", path))
}

fn wrong(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> EncoderError + use<> {
    let path = path.to_path_buf();
    move |source| EncoderError::Folder { action, path, source }
}

/// Makes renames durable. A file system that cannot sync folders has no other way, so failure is ignored.
fn sync(folder: &Path) {
    if let Ok(handle) = std::fs::File::open(folder) {
        let _ = handle.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(workshop: &Workshop, name: &str, content: &str) -> PathBuf {
        let staged = workshop.stage(name).expect("can be made");
        std::fs::write(staged.folder().join("file"), content).expect("can be written");
        staged.publish().expect("can be renamed")
    }

    fn content(folder: &Path) -> String {
        std::fs::read_to_string(folder.join("file")).expect("is there")
    }

    #[test]
    fn a_folder_appears_whole_and_replaces_another_whole() {
        let root = tempfile::tempdir().expect("a folder");
        let home = Home::new(root.path());
        let workshop = Workshop::open(&home).expect("nobody else");
        assert!(matches!(Workshop::open(&home), Err(EncoderError::File(_))), "one process at a time");

        let dropped = workshop.stage("a").expect("can be made").folder().to_path_buf();
        assert!(!dropped.exists());
        let place = build(&workshop, "a", "one");
        assert_eq!((place.as_path(), content(&place).as_str()), (home.encoder("a").expect("a name").as_path(), "one"));
        assert_eq!(content(&build(&workshop, "a", "two")), "two");
        assert_eq!(crate::files::names_in(&home.encoders()).expect("can be read"), [".lock", "a"]);
    }

    #[test]
    fn what_is_removed_is_gone_and_can_be_built_again() {
        let root = tempfile::tempdir().expect("a folder");
        let workshop = Workshop::open(&Home::new(root.path())).expect("nobody else");
        let place = build(&workshop, "a", "one");
        workshop.remove("a").expect("can be removed");
        assert!(!place.exists());
        assert!(workshop.remove("a").is_err());
        assert_eq!(content(&build(&workshop, "a", "two")), "two");
    }

    #[test]
    fn what_killed_processes_leave_is_mended() {
        let root = tempfile::tempdir().expect("a folder");
        let home = Home::new(root.path());
        let workshop = Workshop::open(&home).expect("nobody else");
        for name in ["a", "b"] {
            build(&workshop, name, name);
        }
        drop(workshop);
        // Killed between the two renames; killed before the removal; killed while building.
        let encoders = home.encoders();
        std::fs::rename(encoders.join("a"), encoders.join(".a.replaced")).expect("can be renamed");
        std::fs::create_dir(encoders.join(".b.replaced")).expect("can be made");
        std::fs::create_dir(encoders.join(".c.staged")).expect("can be made");
        assert!(recover(&home, "a").expect("can be mended"));
        assert!(!recover(&home, "c").expect("nothing to mend"));
        assert_eq!(content(&encoders.join("a")), "a");
        assert_eq!(crate::files::names_in(&encoders).expect("can be read"), [".lock", "a", "b"]);
    }
}
