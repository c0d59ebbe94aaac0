//! A file of a snapshot, and whether what was fetched is it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::HubError;

/// A file of a model at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    /// Its path in the repository, with `/` between folders.
    pub name: String,
    /// Its size in bytes, where the hub tells.
    pub size: Option<u64>,
    /// The digest of its content, where the hub tells it.
    pub digest: Option<Digest>,
}

/// A hub's digest of a file's content, in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256 of the content: large files.
    Sha256(String),
    /// SHA-1 of `blob <size>\0` and the content, as git names it: small files.
    Git(String),
}

impl Digest {
    /// The digits, under which the cache keeps the content.
    pub fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::Git(hex) => hex,
        }
    }
}

impl HubFile {
    /// Checks that the file at `path` is this one, whole and unchanged.
    ///
    /// # Errors
    /// [`HubError::Short`], [`HubError::Changed`], [`HubError::Cache`].
    pub fn check(&self, path: &Path) -> Result<(), HubError> {
        let wrong = |source| HubError::Cache { path: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(wrong)?;
        let found = file.metadata().map_err(wrong)?.len();
        if let Some(expected) = self.size.filter(|expected| *expected != found) {
            return Err(HubError::Short { name: self.name.clone(), path: path.to_path_buf(), expected, found });
        }
        let Some(expected) = &self.digest else { return Ok(()) };
        let mut context = match expected {
            Digest::Sha256(_) => Context::new(&SHA256),
            Digest::Git(_) => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {found}\0").as_bytes());
                context
            }
        };
        hash(&mut file, &mut context).map_err(wrong)?;
        let found: String = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == expected.hex() {
            return Ok(());
        }
        let (name, expected) = (self.name.clone(), expected.hex().to_owned());
        Err(HubError::Changed { name, path: path.to_path_buf(), expected, found })
    }
}

fn hash(file: &mut File, context: &mut Context) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            length => context.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_checked_as_git_and_as_sha256_have_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").expect("a file");
        // `git hash-object` and `sha256sum` of it.
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let file = |size, digest| HubFile { name: "hello".to_owned(), size, digest };
        for digest in [Digest::Git(git.to_owned()), Digest::Sha256(sha256.to_owned())] {
            file(Some(6), Some(digest.clone())).check(&path).expect("is it");
            let short = file(Some(7), Some(digest)).check(&path).expect_err("is shorter");
            assert!(matches!(short, HubError::Short { expected: 7, found: 6, .. }), "{short}");
        }
        file(None, None).check(&path).expect("nothing is known");
        let other = file(None, Some(Digest::Sha256(sha256.replace('5', "6")))).check(&path).expect_err("another");
        assert!(matches!(&other, HubError::Changed { .. }) && other.to_string().contains(sha256), "{other}");
    }
}
