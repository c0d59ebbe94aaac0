//! The folders of artifacts.

use std::path::{Path, PathBuf};

use crate::FileError;

/// The folder that holds every artifact: `./artifacts`, `LARDER_HOME` or `--home`.
///
/// ```text
/// encoders/<encoder>/                              model.onnx, tokenizer.json, encoder.json, comparisons.json
/// datasets/<dataset>/                             descriptions of files that were given without one, and their rows in splits
/// tokens/<dataset>/<encoder>/<split>.parquet
/// features/<dataset>/<encoder>/<level>-<dtype>/<split>.parquet
/// runs/<run>/                                      run.json, metrics.json, predictions.parquet, head.*
/// scratch/<plan>/<shard>/                          a shard's work under way, removed when it is done
/// collected/<plan>.parquet                         the features of a plan, brought from its store
/// ```
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// A home at `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of all encoders.
    pub fn encoders(&self) -> PathBuf {
        self.root.join("encoders")
    }

    /// One encoder's folder.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn encoder(&self, encoder: &str) -> Result<PathBuf, FileError> {
        Ok(self.encoders().join(check_name("encoder", encoder)?))
    }

    /// The folder of a data set that larder described.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn dataset(&self, dataset: &str) -> Result<PathBuf, FileError> {
        Ok(self.root.join("datasets").join(check_name("dataset", dataset)?))
    }

    /// The `tokens` file of one split.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn tokens(&self, dataset: &str, encoder: &str, split: &str) -> Result<PathBuf, FileError> {
        let folder = self.root.join("tokens").join(check_name("dataset", dataset)?);
        Ok(folder.join(check_name("encoder", encoder)?).join(format!("{}.parquet", check_name("split", split)?)))
    }

    /// The `features` file of one split. `kind` is the level and dtype, `sentence-f32` for one.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn features(&self, dataset: &str, encoder: &str, kind: &str, split: &str) -> Result<PathBuf, FileError> {
        let folder = self.root.join("features").join(check_name("dataset", dataset)?);
        let folder = folder.join(check_name("encoder", encoder)?).join(kind);
        Ok(folder.join(format!("{}.parquet", check_name("split", split)?)))
    }

    /// The features files of one kind, of all data sets, encoders and splits; the last written first. A folder that cannot be read
    /// has none.
    pub fn features_of_kind(&self, kind: &str) -> Vec<PathBuf> {
        let entries =
            |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let encoders = entries(self.root.join("features")).flat_map(entries);
        let files = encoders.flat_map(|encoder| entries(encoder.join(kind)));
        let is_features =
            |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet") && path.is_file();
        let written = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let mut files: Vec<_> = files.filter(is_features).map(|path| (written(&path), path)).collect();
        files.sort_unstable_by(|one, other| other.cmp(one));
        files.into_iter().map(|(_, path)| path).collect()
    }

    /// The folder for work under way that ends in a store.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// The features file of a plan that was collected.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn collected(&self, plan: &str) -> Result<PathBuf, FileError> {
        Ok(self.root.join("collected").join(format!("{}.parquet", check_name("plan", plan)?)))
    }

    /// The folder of all runs.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// One run's folder.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn run(&self, run: &str) -> Result<PathBuf, FileError> {
        Ok(self.runs().join(check_name("run", run)?))
    }
}

/// Returns `name` if it can be one folder's name on every system and cannot leave its parent.
///
/// # Errors
/// [`FileError::Name`] for an empty name, one that starts with a dot, or one with other characters than letters,
/// digits, `-`, `_` and `.`.
pub fn check_name<'a>(what: &'static str, name: &'a str) -> Result<&'a str, FileError> {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fine) {
        return Err(FileError::Name { what, name: name.to_owned() });
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_folder() {
        for bad in ["", "..", "../x", "a/b", ".hidden", "a\\b", "a\0b"] {
            assert!(matches!(check_name("run", bad), Err(FileError::Name { .. })), "{bad:?}");
        }
        let home = Home::new("h");
        assert_eq!(home.tokens("cola", "minilm", "train").unwrap(), Path::new("h/tokens/cola/minilm/train.parquet"));
        assert!(home.features("a/b", "e", "sentence-f32", "s").is_err());
    }
}
