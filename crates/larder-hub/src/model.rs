//! A model's name on a hub.

use std::fmt;
use std::str::FromStr;

use crate::HubError;

/// The prefix that tells a hub's models from paths.
pub const PREFIX: &str = "hf:";
/// The branch that is meant where none is named.
const DEFAULT_REVISION: &str = "main";
/// The longest name of a repository or its owner, in bytes.
const LONGEST: usize = 96;

/// A model on a hub: `hf:ORG/MODEL[@REVISION]`; `hf:MODEL` for one of the few without an owner.
///
/// ```
/// use larder_hub::HubModel;
///
/// let model: HubModel = "hf:org/encoder@v1.0".parse()?;
/// assert_eq!((model.repo(), model.name(), model.revision()), ("org/encoder", "encoder", "v1.0"));
/// # Ok::<(), larder_hub::HubError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubModel {
    repo: String,
    revision: String,
}

impl HubModel {
    /// Owner and name, `ORG/MODEL`.
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// The name without its owner.
    pub fn name(&self) -> &str {
        self.repo.rsplit('/').next().unwrap_or(&self.repo)
    }

    /// The branch, tag or commit asked for.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl FromStr for HubModel {
    type Err = HubError;

    /// # Errors
    /// [`HubError::BadName`]: names go into addresses and paths, so only what a hub allows is taken.
    fn from_str(text: &str) -> Result<Self, HubError> {
        let bad = |reason| HubError::BadName { found: text.to_owned(), reason };
        let name = text.strip_prefix(PREFIX).ok_or_else(|| bad("it does not begin with `hf:`"))?;
        let (repo, revision) = name.split_once('@').unwrap_or((name, DEFAULT_REVISION));
        let parts: Vec<&str> = repo.split('/').collect();
        if parts.len() > 2 || !parts.iter().all(|part| is_name(part)) {
            return Err(bad("owner and name are letters, digits, `-`, `_` and `.`, one `/` between them"));
        }
        if !revision.split('/').all(is_name) {
            return Err(bad("a revision is a branch, a tag or a commit: letters, digits, `-`, `_`, `.` and `/`"));
        }
        Ok(Self { repo: repo.to_owned(), revision: revision.to_owned() })
    }
}

impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.repo)?;
        if self.revision == DEFAULT_REVISION { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

/// A part of a name that is safe in an address and in a path.
fn is_name(part: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST).contains(&part.len())
        && part.chars().all(fine)
        && !part.starts_with(['.', '-'])
        && !part.contains("..")
}

/// Forty hexadecimal digits.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, repo, name, revision) in [
            ("hf:org/model", "org/model", "model", "main"),
            ("hf:bert-base-uncased", "bert-base-uncased", "bert-base-uncased", "main"),
            ("hf:o.r_g/m-1@refs/pr/3", "o.r_g/m-1", "m-1", "refs/pr/3"),
        ] {
            let model: HubModel = text.parse().expect("is a name");
            assert_eq!((model.repo(), model.name(), model.revision()), (repo, name, revision));
            assert_eq!(model.to_string(), text);
        }
    }

    #[test]
    fn what_would_leave_its_address_or_folder_is_refused() {
        for text in [
            "org/model",
            "hf:",
            "hf:/",
            "hf:org/",
            "hf:/model",
            "hf:a/b/c",
            "hf:../model",
            "hf:org/..",
            "hf:org/mo del",
            "hf:org/model?x",
            "hf:org/model@",
            "hf:org/model@../main",
            "hf:org/model@a//b",
            "hf:org/model@/main",
            "hf:org/model@-x",
            "hf:org/m@a@b",
            "hf:org\\model",
            "hf:org/mod%2fel",
            "hf:.hidden/model",
        ] {
            let error = text.parse::<HubModel>().expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")) && error.contains("hf:ORG/MODEL"), "{error}");
        }
    }
}
