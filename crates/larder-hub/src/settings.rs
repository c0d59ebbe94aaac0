//! The settings: hub, cache and token.

use std::path::{Path, PathBuf};

use crate::HubError;

/// The hub that is meant where `HF_ENDPOINT` names no other.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// The hub that models come from and the cache that keeps them.
#[derive(Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// The hub's address, without a slash at the end.
    pub endpoint: String,
    /// The folder of all models fetched, laid out as the hub's other programs lay it out.
    pub cache: PathBuf,
    /// The access token, for private models and those whose terms must be accepted.
    pub token: Option<String>,
    /// True if only the cache is used, and not the network.
    pub offline: bool,
}

/// Without the token, which must not end in a log.
impl std::fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { endpoint, cache, token, offline } = self;
        let token = token.as_ref().map(|_| "set");
        write!(f, "HubSettings {{ endpoint: {endpoint:?}, cache: {cache:?}, token: {token:?}, offline: {offline} }}")
    }
}

impl HubSettings {
    /// Reads the settings from the environment: `HF_ENDPOINT`; `HF_HUB_CACHE`, else the folder `hub` in `HF_HOME`, else
    /// in `~/.cache/huggingface`; `HF_TOKEN`, else the file `token` in `HF_HOME`; `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// [`HubError::NoCache`] where no folder is named and there is no home to put one in.
    pub fn from_env() -> Result<Self, HubError> {
        Self::from_variables(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()), std::env::home_dir())
    }

    fn from_variables(get: &dyn Fn(&str) -> Option<String>, user: Option<PathBuf>) -> Result<Self, HubError> {
        let caches = get("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| user.map(|user| user.join(".cache")));
        let home = get("HF_HOME").map(PathBuf::from).or_else(|| caches.map(|caches| caches.join("huggingface")));
        let cache = get("HF_HUB_CACHE").map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join("hub")));
        let file = get("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| home.map(|home| home.join("token")));
        let yes = |value: String| matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE");
        Ok(Self {
            endpoint: get("HF_ENDPOINT").as_deref().unwrap_or(DEFAULT_ENDPOINT).trim_end_matches('/').to_owned(),
            // The layout of the cache joins absolute paths only.
            cache: std::path::absolute(cache.ok_or(HubError::NoCache)?).map_err(|_| HubError::NoCache)?,
            token: get("HF_TOKEN").or_else(|| file.and_then(|file| stored_token(&file))),
            offline: get("HF_HUB_OFFLINE").is_some_and(yes),
        })
    }
}

fn stored_token(file: &Path) -> Option<String> {
    let token = std::fs::read_to_string(file).ok()?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)], user: Option<&str>) -> Result<HubSettings, HubError> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        HubSettings::from_variables(&get, user.map(PathBuf::from))
    }

    #[test]
    fn the_environment_decides() {
        let plain = settings(&[], Some("/home/x")).expect("has a home");
        assert_eq!(plain.endpoint, DEFAULT_ENDPOINT);
        assert_eq!(plain.cache, Path::new("/home/x/.cache/huggingface/hub"));
        assert_eq!((plain.token, plain.offline), (None, false));

        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), "hf_stored\n").expect("a file");
        let home = folder.path().display().to_string();
        let own = settings(&[("HF_HOME", &home), ("HF_ENDPOINT", "http://mirror/"), ("HF_HUB_OFFLINE", "true")], None);
        let own = own.expect("HF_HOME says where");
        assert_eq!((own.cache, own.endpoint.as_str()), (folder.path().join("hub"), "http://mirror"));
        assert_eq!((own.token.as_deref(), own.offline), (Some("hf_stored"), true));

        let given = settings(&[("HF_HOME", &home), ("HF_TOKEN", "hf_given"), ("HF_HUB_CACHE", "/elsewhere")], None);
        let given = given.expect("HF_HUB_CACHE says where");
        assert_eq!((given.cache.as_path(), given.token.as_deref()), (Path::new("/elsewhere"), Some("hf_given")));
        assert!(!format!("{given:?}").contains("hf_given"));
        assert!(matches!(settings(&[], None), Err(HubError::NoCache)));
    }
}
