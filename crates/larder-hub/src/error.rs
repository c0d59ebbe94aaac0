//! The errors of hubs, and the way out.

use std::path::PathBuf;

use hf_hub::api::sync::ApiError;
use larder_errors::ErrorClass;

/// An error of this crate: what failed, of which model, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A text that names no model.
    #[error("{found:?} names no model on a hub: {reason}; write hf:ORG/MODEL or hf:ORG/MODEL@REVISION")]
    BadName {
        /// The text.
        found: String,
        /// The problem with the name.
        reason: &'static str,
    },
    /// No place for what is fetched.
    #[error("there is no home folder for the hub's cache: set HF_HOME to a folder for it")]
    NoCache,
    /// The cache cannot be read or written.
    #[error("the hub's cache cannot be used at {}: HF_HOME names another place for it", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The hub did not answer.
    #[error(
        "{endpoint} cannot be reached for {model}: check the network (HF_ENDPOINT names another hub); what was \
        fetched before is there with --offline"
    )]
    Unreachable {
        /// The hub's address.
        endpoint: String,
        /// The model or file asked for.
        model: String,
        /// The failed request.
        #[source]
        source: Box<ApiError>,
    },
    /// A transfer that breaks off again and again.
    #[error("{name} of {model} was cut off {attempts} times: what came is kept, run the command again to go on")]
    CutOff {
        /// The file.
        name: String,
        /// The model.
        model: String,
        /// Number of attempts.
        attempts: usize,
        /// The failure of the last attempt.
        #[source]
        source: Box<ApiError>,
    },
    /// The hub answers, and not as a hub does.
    #[error("{endpoint} answered {model} with {found}: is it a hub? (HF_ENDPOINT names another)")]
    BadAnswer {
        /// The hub's address.
        endpoint: String,
        /// The model or file asked for.
        model: String,
        /// The answer.
        found: String,
    },
    /// The hub does not say whether there is such a model.
    #[error(
        "{endpoint} shows {model} to nobody without leave: check the name; if the model is private, set HF_TOKEN to \
        a token that may read it ({token})"
    )]
    Unauthorised {
        /// The hub's address.
        endpoint: String,
        /// The model.
        model: String,
        /// Was a token sent?
        token: &'static str,
    },
    /// A model whose terms must be accepted first.
    #[error(
        "{model} is gated: accept its terms at {endpoint}/{repo}, then set HF_TOKEN to a token of that account \
        ({token})"
    )]
    Gated {
        /// The hub's address.
        endpoint: String,
        /// The model.
        model: String,
        /// Its page.
        repo: String,
        /// Was a token sent?
        token: &'static str,
    },
    /// No such model.
    #[error("there is no model {model} at {endpoint}: check owner and name")]
    NoModel {
        /// The hub's address.
        endpoint: String,
        /// The model.
        model: String,
    },
    /// No such branch, tag or commit.
    #[error("{model}: the model is there, its revision {revision:?} is not: name a branch, a tag or a whole commit")]
    NoRevision {
        /// The model.
        model: String,
        /// The revision.
        revision: String,
    },
    /// No such file.
    #[error("{model} has no file {name} at commit {commit}; it has {known}")]
    NoFile {
        /// The model.
        model: String,
        /// The file.
        name: String,
        /// The commit.
        commit: String,
        /// The files there are.
        known: String,
    },
    /// No file of the model was fetched before.
    #[error("{model} is not in the cache, {}, and --offline (or HF_HUB_OFFLINE) leaves the network alone: run the \
        command once without it, and the model is fetched", cache.display())]
    NotCached {
        /// The model.
        model: String,
        /// The cache.
        cache: PathBuf,
    },
    /// Some files were fetched before, and not this one.
    #[error("{name} of {model} is not in the cache, {}, and --offline (or HF_HUB_OFFLINE) leaves the network alone: run \
        the command once without it, and the file is fetched", folder.display())]
    FileNotCached {
        /// The model.
        model: String,
        /// The file.
        name: String,
        /// The folder that it would be in.
        folder: PathBuf,
    },
    /// A file of another size than the hub says.
    #[error("{name} has {found} bytes, and the hub says {expected}: it was cut off or changed; delete {} and run the \
        command again", path.display())]
    Short {
        /// The file.
        name: String,
        /// Its path.
        path: PathBuf,
        /// Bytes by the hub.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// A file with another content than the hub says.
    #[error("{name} is not what the hub says (digest {found}, expected {expected}): it was changed on the way or in the \
        cache; delete {} and run the command again", path.display())]
    Changed {
        /// The file.
        name: String,
        /// Its path.
        path: PathBuf,
        /// The digest by the hub.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// Another program fetches the same file.
    #[error("{name} of {model} is being fetched by another program: wait for it, then run the command again")]
    Busy {
        /// The file.
        name: String,
        /// The model.
        model: String,
    },
}

impl HubError {
    /// The class of failure: something is missing that is there elsewhere or later, the network or a token, or what was asked
    /// for is wrong.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NoCache
            | Self::Cache { .. }
            | Self::Unreachable { .. }
            | Self::CutOff { .. }
            | Self::Unauthorised { .. }
            | Self::Gated { .. }
            | Self::NotCached { .. }
            | Self::FileNotCached { .. }
            | Self::Busy { .. } => ErrorClass::Missing,
            _ => ErrorClass::Input,
        }
    }
}
