//! Asking a hub, or the cache of what came from it, for a model.

use std::io::ErrorKind;
use std::path::{Component, Path};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use serde::Deserialize;

use crate::HubError;
use crate::file::{Digest, HubFile};
use crate::model::{HubModel, is_commit};
use crate::settings::HubSettings;
use crate::snapshot::{Fetcher, Snapshot};

/// Says which of several reasons a refusal has.
const REASON_HEADER: &str = "x-error-code";

/// A hub with its cache.
#[derive(Debug)]
pub struct Hub {
    settings: HubSettings,
    cache: Cache,
    /// `None` where the network is left alone.
    api: Option<Api>,
}

/// A hub's description of a model at a revision.
#[derive(Deserialize)]
struct Listing {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
}

impl Hub {
    /// Prepares the client; asks nothing yet.
    ///
    /// # Errors
    /// [`HubError::Unreachable`] where no client can be made.
    pub fn new(settings: HubSettings) -> Result<Self, HubError> {
        let cache = Cache::new(settings.cache.clone());
        let api = if settings.offline {
            None
        } else {
            let builder = ApiBuilder::from_cache(cache.clone())
                .with_endpoint(settings.endpoint.clone())
                .with_token(settings.token.clone())
                // A broken transfer is taken up again here, where what came is known to be there.
                .with_retries(0)
                .with_progress(false)
                .with_user_agent("larder", env!("CARGO_PKG_VERSION"));
            let endpoint = settings.endpoint.clone();
            let wrong =
                |source| HubError::Unreachable { endpoint, model: "any model".to_owned(), source: Box::new(source) };
            Some(builder.build().map_err(wrong)?)
        };
        Ok(Self { settings, cache, api })
    }

    /// Resolves a model's revision to a commit and its files.
    ///
    /// # Errors
    /// [`HubError::NoModel`], [`HubError::NoRevision`], [`HubError::Unauthorised`], [`HubError::Gated`],
    /// [`HubError::Unreachable`], [`HubError::BadAnswer`]; offline [`HubError::NotCached`], [`HubError::Cache`].
    pub fn find(&self, model: &HubModel) -> Result<Snapshot, HubError> {
        match &self.api {
            Some(api) => self.online(api, model),
            None => self.offline(model),
        }
    }

    fn online(&self, api: &Api, model: &HubModel) -> Result<Snapshot, HubError> {
        let endpoint = || self.settings.endpoint.clone();
        let unreachable = |source: ureq::Error| HubError::Unreachable {
            endpoint: endpoint(),
            model: model.to_string(),
            source: Box::new(ApiError::RequestError(Box::new(source))),
        };
        let bad = |found: String| HubError::BadAnswer { endpoint: endpoint(), model: model.to_string(), found };
        let request = api.repo(repo(model, model.revision())).info_request().query("blobs", "true");
        let request = request.config().http_status_as_error(false).build();
        let mut response = request.call().map_err(unreachable)?;
        let status = response.status().as_u16();
        let reason = response.headers().get(REASON_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match status {
            200 => {}
            401 | 403 | 404 => return Err(self.refused(model, status, reason)),
            500.. | 429 => {
                let answer = ureq::Error::StatusCode(status);
                return Err(unreachable(answer));
            }
            _ => return Err(bad(format!("status {status}"))),
        }
        let listing: Listing = match response.body_mut().read_json() {
            Ok(listing) => listing,
            Err(ureq::Error::Json(problem)) => return Err(bad(format!("no list of files ({problem})"))),
            Err(problem) => return Err(unreachable(problem)),
        };
        if !is_commit(&listing.sha) {
            return Err(bad(format!("the commit {:?}", listing.sha)));
        }
        let folder = self.cache.repo(repo(model, &listing.sha)).pointer_path(&listing.sha);
        let fetcher = Fetcher {
            repo: api.repo(repo(model, &listing.sha)),
            cached: self.cache.repo(repo(model, &listing.sha)),
            endpoint: endpoint(),
            token: self.token_said(),
        };
        // So that the branch or tag is found again offline.
        let named = self.cache.repo(repo(model, model.revision()));
        let wrong = |source| HubError::Cache { path: self.settings.cache.clone(), source };
        named.create_ref(&listing.sha).map_err(wrong)?;
        let files = listing.siblings.into_iter().filter(|sibling| is_inside(&sibling.rfilename)).map(Sibling::file);
        Ok(Snapshot {
            model: model.clone(),
            commit: listing.sha,
            folder,
            files: files.collect(),
            fetcher: Some(fetcher),
        })
    }

    fn refused(&self, model: &HubModel, status: u16, reason: &str) -> HubError {
        let (endpoint, token) = (self.settings.endpoint.clone(), self.token_said());
        let repo = model.repo().to_owned();
        let model_text = model.to_string();
        match (status, reason) {
            (_, "GatedRepo") | (403, _) => HubError::Gated { endpoint, model: model_text, repo, token },
            (404, "RevisionNotFound") => {
                HubError::NoRevision { model: model_text, revision: model.revision().to_owned() }
            }
            (404, _) => HubError::NoModel { endpoint, model: model_text },
            // A hub answers so for models that are not there too, so that names of private ones stay private.
            _ => HubError::Unauthorised { endpoint, model: model_text, token },
        }
    }

    fn token_said(&self) -> &'static str {
        if self.settings.token.is_some() { "the token that is set was sent" } else { "none is set" }
    }

    fn offline(&self, model: &HubModel) -> Result<Snapshot, HubError> {
        let missing = || HubError::NotCached { model: model.to_string(), cache: self.settings.cache.clone() };
        let folder = self.settings.cache.join(repo(model, model.revision()).folder_name());
        let named = std::fs::read_to_string(folder.join("refs").join(model.revision())).ok();
        let commit = named.map(|commit| commit.trim().to_owned()).unwrap_or_else(|| model.revision().to_owned());
        let snapshot = folder.join("snapshots").join(&commit);
        if !is_commit(&commit) || !snapshot.is_dir() {
            return Err(missing());
        }
        let mut files = Vec::new();
        walk(&snapshot, &snapshot, &mut files)?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Snapshot { model: model.clone(), commit, folder: snapshot, files, fetcher: None })
    }
}

impl Sibling {
    fn file(self) -> HubFile {
        let hex = |text: &String, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        let digest = match self.lfs {
            Some(lfs) => Some(lfs.sha256).filter(|text| hex(text, 64)).map(Digest::Sha256),
            None => self.blob_id.filter(|text| hex(text, 40)).map(Digest::Git),
        };
        HubFile { name: self.rfilename, size: self.size, digest }
    }
}

fn repo(model: &HubModel, revision: &str) -> Repo {
    Repo::with_revision(model.repo().to_owned(), RepoType::Model, revision.to_owned())
}

/// A name that stays in its folder, and in its address.
fn is_inside(name: &str) -> bool {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    !name.is_empty() && plain && !name.contains(['\\', ':', '?', '#', '%', '\0'])
}

/// The files of a snapshot that is in the cache; what it was checked against is not kept there.
fn walk(root: &Path, folder: &Path, found: &mut Vec<HubFile>) -> Result<(), HubError> {
    let wrong = |source: std::io::Error| HubError::Cache { path: folder.to_path_buf(), source };
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.is_dir() {
            walk(root, &path, found)?;
        } else if path.is_file() {
            let name = path.strip_prefix(root).map_err(|_| wrong(ErrorKind::InvalidInput.into()))?;
            let parts: Vec<String> = name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            found.push(HubFile { name: parts.join("/"), size: None, digest: None });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_the_folder_or_the_address_are_left_out() {
        for name in ["model.onnx", "onnx/model.onnx", ".gitattributes", "1_Pooling/config.json"] {
            assert!(is_inside(name), "{name}");
        }
        for name in ["", "/etc/passwd", "../x", "a/../b", "./x", "a\\b", "c:x", "a?b", "a#b", "a%2e", "a\0b"] {
            assert!(!is_inside(name), "{name:?}");
        }
    }

    #[test]
    fn a_digest_is_taken_only_if_it_is_one() {
        let (sha256, git) = ("ab".repeat(32), "cd".repeat(20));
        let file = |lfs: Option<&str>, blob_id: Option<&str>| {
            let lfs = lfs.map(|sha256| Lfs { sha256: sha256.to_owned() });
            let blob_id = blob_id.map(str::to_owned);
            Sibling { rfilename: "model.onnx".to_owned(), size: Some(7), blob_id, lfs }.file().digest
        };
        assert_eq!(file(Some(&sha256), Some(&git)), Some(Digest::Sha256(sha256.clone())), "the blob is the pointer's");
        assert_eq!(file(None, Some(&git)), Some(Digest::Git(git.clone())));
        assert_eq!(file(None, None), None);
        assert_eq!(file(None, Some(&git[1..])), None);
        assert_eq!(file(Some("../../../../x"), Some(&git)), None, "it would be a path");
    }
}
