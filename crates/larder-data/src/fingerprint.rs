//! Everything that decides which examples a split gives.

use std::collections::BTreeMap;

use crate::choice::Format;
use crate::error::DataError;
use crate::spec::DatasetSpec;
use crate::table::class_names_of;

impl DatasetSpec {
    /// Returns everything that decides which examples a split gives: every setting that changes what is read, as text,
    /// and `data.<split>.digest`, the BLAKE3 hash (64 hexadecimal digits) of the file's bytes.
    ///
    /// Label names are left out, because they number the labels and change no example; paths, because a moved file is
    /// the same file.
    ///
    /// # Errors
    /// Those of [`split_path`](Self::split_path), [`DataError::OpenSplit`], [`DataError::Read`].
    pub fn fingerprint_parts(&self, split: &str) -> Result<BTreeMap<String, String>, DataError> {
        let (path, file) = self.open_split(split)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file).map_err(|source| DataError::Read { path, source })?;

        let mut parts = self.layout().parts();
        if self.format == Format::Parquet {
            parts.extend(class_names_of(self, file).map(|names| ("data.class_names".to_owned(), names)));
        }
        parts.insert(format!("data.{split}.digest"), hasher.finalize().to_hex().to_string());
        parts.insert("data.task".to_owned(), self.task.to_string());
        Ok(parts)
    }
}
