//! A model at a commit, and its files fetched one by one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::CacheRepo;
use hf_hub::api::sync::{ApiError, ApiRepo};

use crate::HubError;
use crate::file::HubFile;
use crate::model::HubModel;
use crate::progress::DownloadProgress;

/// The most attempts at a transfer, each going on where the last ended.
pub const ATTEMPTS: usize = 5;
/// Wait before the second attempt; each further one waits as much longer.
const PAUSE: Duration = Duration::from_millis(300);

/// The files of a model at a commit.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) model: HubModel,
    pub(crate) commit: String,
    pub(crate) folder: PathBuf,
    pub(crate) files: Vec<HubFile>,
    /// `None` where the network is left alone.
    pub(crate) fetcher: Option<Fetcher>,
}

pub(crate) struct Fetcher {
    pub repo: ApiRepo,
    pub cached: CacheRepo,
    pub endpoint: String,
    pub token: &'static str,
}

/// Without the client, which holds the token.
impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetcher {{ endpoint: {:?} }}", self.endpoint)
    }
}

impl Snapshot {
    /// The model as it was asked for.
    pub fn model(&self) -> &HubModel {
        &self.model
    }

    /// Returns the commit of the revision: 40 hexadecimal digits.
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// Returns the folder of the fetched files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files; offline those that were fetched before.
    pub fn files(&self) -> &[HubFile] {
        &self.files
    }

    /// Returns true if there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.name == name)
    }

    /// Gives a file's place in the cache, fetching it if it is not there. `say` hears what is being done.
    ///
    /// # Errors
    /// [`HubError::NoFile`], [`HubError::FileNotCached`], [`HubError::Unauthorised`], [`HubError::Gated`],
    /// [`HubError::CutOff`], [`HubError::Short`], [`HubError::Changed`], [`HubError::Busy`], [`HubError::Cache`],
    /// [`HubError::BadAnswer`].
    pub fn fetch(&self, name: &str, say: &mut dyn FnMut(&str)) -> Result<PathBuf, HubError> {
        let Some(file) = self.files.iter().find(|file| file.name == name) else { return Err(self.no_file(name)) };
        let path = self.folder.join(name);
        if path.is_file() {
            match (file.check(&path), &self.fetcher) {
                (Ok(()), _) => return Ok(path),
                (Err(problem), None) => return Err(problem),
                (Err(_), Some(_)) => say(&format!("{name} in the cache is damaged, fetching it again")),
            }
            forget(&path);
        }
        if path.is_symlink() {
            // A name without its content, as a process leaves it that was killed while it forgot the file, is in the way.
            let _ = std::fs::remove_file(&path);
        }
        match &self.fetcher {
            Some(fetcher) => self.transfer(fetcher, file, say),
            None => Err(self.no_file(name)),
        }
    }

    /// Returns the error that `name` was not fetched before if the snapshot is offline; `None` online.
    pub fn not_cached(&self, name: &str) -> Option<HubError> {
        self.fetcher.is_none().then(|| self.no_file(name))
    }

    fn no_file(&self, name: &str) -> HubError {
        let (model, name) = (self.model.to_string(), name.to_owned());
        if self.fetcher.is_none() {
            return HubError::FileNotCached { model, name, folder: self.folder.clone() };
        }
        let mut known: Vec<&str> = self.files.iter().map(|file| file.name.as_str()).take(13).collect();
        if known.len() > 12 {
            known[12] = "more";
        }
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        HubError::NoFile { model, name, commit: self.commit.clone(), known }
    }

    fn transfer(&self, fetcher: &Fetcher, file: &HubFile, say: &mut dyn FnMut(&str)) -> Result<PathBuf, HubError> {
        // What came before a break, under the name of its content.
        let blob = file.digest.as_ref().map(|digest| fetcher.cached.blob_path(digest.hex()));
        let part = blob.as_ref().map(|blob| blob.with_extension("part"));
        let came = || part.as_ref().and_then(|part| part.metadata().ok()).map_or(0, |metadata| metadata.len());
        let start_over = || part.iter().for_each(|part| drop(std::fs::remove_file(part)));
        let mut over = false;
        let mut attempt = 1;
        loop {
            let before = came();
            if before > 0 {
                say(&format!("{} is taken up again at byte {before}", file.name));
            }
            if file.size.is_some_and(|size| before >= size) {
                // Whole and not yet renamed, or too long: a hub has nothing beyond the end to send.
                start_over();
            }
            let source = match fetcher.repo.download_with_progress(&file.name, DownloadProgress::new(&file.name, say)) {
                Ok(path) => match file.check(&path) {
                    Ok(()) => return Ok(path),
                    Err(HubError::Short { found, expected, .. }) if found < expected && attempt < ATTEMPTS => {
                        // A body that ended early without an error: what came is the beginning.
                        if let (Some(blob), Some(part)) = (&blob, &part) {
                            let _ = std::fs::rename(blob, part);
                        }
                        let _ = std::fs::remove_file(&path);
                        attempt += 1;
                        std::thread::sleep(PAUSE * attempt as u32);
                        continue;
                    }
                    // The beginning may have been another file's: once from the start.
                    Err(_) if before > 0 && !over => {
                        over = true;
                        forget(&path);
                        continue;
                    }
                    Err(problem) => {
                        forget(&path);
                        return Err(problem);
                    }
                },
                Err(source) => source,
            };
            match self.lasting(fetcher, file, &source) {
                Some(problem) => return Err(problem),
                None if attempt == ATTEMPTS => {
                    let (name, model) = (file.name.clone(), self.model.to_string());
                    return Err(HubError::CutOff { name, model, attempts: ATTEMPTS, source: Box::new(source) });
                }
                None => {}
            }
            if matches!(&source, ApiError::InvalidResume) {
                start_over();
            }
            // A transfer that moves is not given up.
            attempt = if came() > before { 2 } else { attempt + 1 };
            std::thread::sleep(PAUSE * attempt as u32);
        }
    }

    /// The error of a transfer that another attempt would not mend.
    fn lasting(&self, fetcher: &Fetcher, file: &HubFile, error: &ApiError) -> Option<HubError> {
        let (endpoint, model) = (fetcher.endpoint.clone(), self.model.to_string());
        let bad = |found: String| Some(HubError::BadAnswer { endpoint: endpoint.clone(), model: model.clone(), found });
        match error {
            ApiError::RequestError(error) => match error.as_ref() {
                ureq::Error::StatusCode(401) => Some(HubError::Unauthorised { endpoint, model, token: fetcher.token }),
                ureq::Error::StatusCode(403) => {
                    let repo = self.model.repo().to_owned();
                    Some(HubError::Gated { endpoint, model, repo, token: fetcher.token })
                }
                ureq::Error::StatusCode(404) => Some(self.no_file(&file.name)),
                ureq::Error::StatusCode(408 | 429 | 500..) => None,
                ureq::Error::StatusCode(status) => bad(format!("status {status} for {}", file.name)),
                _ => None,
            },
            ApiError::MissingHeader(name) | ApiError::InvalidHeader(name) => {
                bad(format!("no usable header {name} for {}", file.name))
            }
            ApiError::ParseIntError(problem) => bad(format!("no size of {} ({problem})", file.name)),
            ApiError::LockAcquisition(_) => Some(HubError::Busy { name: file.name.clone(), model }),
            // The disk, as far as it can be told from the network.
            ApiError::IoError(problem) => {
                use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
                let disk = [NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull];
                let source = std::io::Error::new(problem.kind(), problem.to_string());
                disk.contains(&problem.kind()).then(|| HubError::Cache { path: self.folder.clone(), source })
            }
            _ => None,
        }
    }
}

/// Removes a file from the cache: the name in the snapshot and the content behind it.
fn forget(path: &Path) {
    if let Ok(content) = path.canonicalize() {
        let _ = std::fs::remove_file(content);
    }
    let _ = std::fs::remove_file(path);
}
