//! Names of stores and of objects in them: `file:///shared/store`, `s3://bucket/prefix` (`gs://`, `az://`), or a folder's path.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::ScaleError;

/// The place of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUri {
    kind: StoreKind,
}

/// The kind of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// A folder, shared by all machines or this one's own.
    Folder(PathBuf),
    /// A bucket, and the prefix of all keys in it, without slashes around it.
    Bucket { service: Service, bucket: String, prefix: String },
}

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    S3,
    Google,
    Azure,
}

impl Service {
    const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    /// The scheme of its stores' names; of a cargo feature that builds it in, too.
    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }

    /// The error where it is not built in.
    #[cfg(not(all(feature = "s3", feature = "gs", feature = "az")))]
    pub(crate) fn not_built(self, uri: &StoreUri) -> ScaleError {
        let problem = format!("this larder was built without the feature `{}`", self.scheme());
        ScaleError::Uri { uri: uri.to_string(), expected: "store", problem }
    }
}

impl StoreUri {
    /// Reads the name of a store.
    ///
    /// # Errors
    /// [`ScaleError::Uri`].
    pub fn parse(text: &str) -> Result<Self, ScaleError> {
        const EXPECTED: &str = "store";
        let wrong = |problem: &str| ScaleError::Uri {
            uri: without_credentials(text),
            expected: EXPECTED,
            problem: problem.to_owned(),
        };
        let Some((scheme, _)) = text.split_once("://") else {
            if text.is_empty() {
                return Err(wrong("name a folder, file:///FOLDER or s3://BUCKET/PREFIX"));
            }
            let folder = std::path::absolute(text).map_err(|error| wrong(&error.to_string()))?;
            return Ok(Self { kind: StoreKind::Folder(folder) });
        };
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("credentials do not belong into a name; give them in the environment or in a profile"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("`?` and `#` have no meaning here"));
        }
        match scheme {
            "file" => match url.to_file_path() {
                Ok(folder) => Ok(Self { kind: StoreKind::Folder(folder) }),
                Err(()) => Err(wrong("a file's name has three slashes and a full path, as file:///shared/store")),
            },
            _ => {
                let service = Service::ALL.into_iter().find(|service| service.scheme() == scheme);
                let places = "stores are folders, file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX and az://CONTAINER/PREFIX";
                let service = service.ok_or_else(|| wrong(places))?;
                let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
                let bucket = bucket.ok_or_else(|| wrong(&format!("name a bucket, as {scheme}://BUCKET/PREFIX")))?;
                let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
                Ok(Self { kind: StoreKind::Bucket { service, bucket: bucket.to_owned(), prefix: parts.join("/") } })
            }
        }
    }

    pub(crate) fn kind(&self) -> &StoreKind {
        &self.kind
    }

    /// Returns the folder of a store that is one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.kind {
            StoreKind::Folder(folder) => Some(folder),
            StoreKind::Bucket { .. } => None,
        }
    }

    /// Returns the name of an object.
    pub fn object(&self, key: &str) -> String {
        let store = self.to_string();
        format!("{}/{key}", store.trim_end_matches('/'))
    }
}

impl fmt::Display for StoreUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            StoreKind::Folder(folder) => match Url::from_file_path(folder) {
                Ok(url) => f.write_str(url.as_str()),
                Err(()) => write!(f, "{}", folder.display()),
            },
            StoreKind::Bucket { service, bucket, prefix } if prefix.is_empty() => {
                write!(f, "{}://{bucket}", service.scheme())
            }
            StoreKind::Bucket { service, bucket, prefix } => write!(f, "{}://{bucket}/{prefix}", service.scheme()),
        }
    }
}

/// The place of an object of a kind, `plans/ID.json` or `manifests/ID.json`, in its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectUri {
    /// The store.
    pub store: StoreUri,
    /// The plan that the object is, or is of.
    pub plan_id: String,
}

impl ObjectUri {
    /// Reads the name of a plan: `STORE/plans/ID.json`.
    ///
    /// # Errors
    /// [`ScaleError::Uri`].
    pub fn plan(text: &str) -> Result<Self, ScaleError> {
        Self::parse(text, "plans", "plan")
    }

    /// Reads the name of a manifest: `STORE/manifests/ID.json`.
    ///
    /// # Errors
    /// [`ScaleError::Uri`].
    pub fn manifest(text: &str) -> Result<Self, ScaleError> {
        Self::parse(text, "manifests", "manifest")
    }

    fn parse(text: &str, folder: &'static str, what: &'static str) -> Result<Self, ScaleError> {
        let named = text.strip_suffix(".json").and_then(|text| text.rsplit_once('/'));
        let found = named.and_then(|(before, id)| Some((before.strip_suffix(folder)?, id)));
        let is_hex = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        match found.filter(|(before, id)| (before.is_empty() || before.ends_with('/')) && is_hex(id)) {
            Some((before, id)) => {
                // `plans/ID.json` is in the folder where the caller is.
                let store = if before.is_empty() { "." } else { before };
                Ok(Self { store: StoreUri::parse(store)?, plan_id: id.to_owned() })
            }
            None => Err(ScaleError::Uri {
                uri: without_credentials(text),
                expected: what,
                problem: format!("expected STORE/{folder}/ID.json, as `larder plan` and `larder collect` print it"),
            }),
        }
    }
}

/// Returns the text without what stands before an `@` in its authority.
fn without_credentials(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => match rest.split('/').next().unwrap_or_default().rsplit_once('@') {
            Some((credentials, _)) => format!("{scheme}://…{}", &rest[credentials.len()..]),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_objects_are_found_in_them() {
        for (text, shown) in [
            ("s3://data", "s3://data"),
            ("s3://data/", "s3://data"),
            ("s3://data/a//b/", "s3://data/a/b"),
            ("gs://data/a/", "gs://data/a"),
            ("az://container/a/b", "az://container/a/b"),
            ("file:///srv/a%20b", "file:///srv/a%20b"),
            ("/srv/a b", "file:///srv/a%20b"),
        ] {
            assert_eq!(StoreUri::parse(text).unwrap().to_string(), shown);
        }
        let plan = ObjectUri::plan("s3://data/a/plans/00ff.json").unwrap();
        assert_eq!((plan.store.to_string().as_str(), plan.plan_id.as_str()), ("s3://data/a", "00ff"));
        assert_eq!(plan.store.object("plans/00ff.json"), "s3://data/a/plans/00ff.json");
        let here = ObjectUri::plan("plans/ab.json").unwrap();
        assert_eq!(here.store.folder(), Some(std::path::absolute(".").unwrap().as_path()));
        assert!(ObjectUri::manifest("/srv/store/manifests/ab.json").is_ok());
    }

    #[test]
    fn what_is_no_name_is_said_and_credentials_are_not() {
        for wrong in ["", "http://host/a", "s3:///a", "file://host/a", "s3://a/b?c", "gs:///a", "gcs://a"] {
            let error = StoreUri::parse(wrong).unwrap_err();
            assert!(matches!(error, ScaleError::Uri { .. }), "{wrong}: {error}");
        }
        for wrong in ["s3://a", "s3://a/plans/ab", "s3://a/manifests/ab.json", "a/xplans/ab.json", "plans/x y.json"] {
            assert!(ObjectUri::plan(wrong).is_err(), "{wrong}");
        }
        for text in ["s3://KEY:SECRET@bucket/plans/ab.json", "s3://KEY:SECRET@bucket/plans/xx"] {
            let error = ObjectUri::plan(text).unwrap_err().to_string();
            assert!(!error.contains("SECRET") && !error.contains("KEY") && error.contains("@bucket"), "{error}");
        }
    }
}
