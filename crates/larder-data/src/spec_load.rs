//! Loading the description of a dataset.

use std::path::Path;

use crate::error::DataError;
use crate::spec::DatasetSpec;
use crate::{spec_check, spec_file};

impl DatasetSpec {
    /// Reads and checks the TOML file at `path`. Data files are not opened, and variables in their paths not looked up.
    ///
    /// # Errors
    /// [`DataError::ReadSpec`] if the file cannot be read, [`DataError::Spec`] if what it says is wrong.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let text = larder_files::read_to_string(path)
            .map_err(|source| DataError::ReadSpec { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Checks TOML `text` as if it had been read from `path`, to which split paths are relative.
    ///
    /// # Errors
    /// [`DataError::Spec`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, DataError> {
        let file = spec_file::parse(text, path)?;
        spec_check::resolve(file, path).map_err(|problem| DataError::Spec {
            path: path.to_owned(),
            line: None,
            problem,
        })
    }
}
