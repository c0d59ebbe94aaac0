//! Everything that decides which examples a split gives.

use std::collections::{BTreeMap, BTreeSet};

use crate::choice::Format;
use crate::error::DataError;
use crate::spec::DatasetSpec;
use crate::split_rows::open_file;
use crate::table::class_names_of;

impl DatasetSpec {
    /// Returns everything that decides which examples a split gives: every setting that changes what is read, as text,
    /// and `data.<split>.digest`, the BLAKE3 hash (64 hexadecimal digits) of the file's bytes, or of the hashes of several
    /// files in their order.
    ///
    /// Label names are left out, because they number the labels and change no example; paths, because a moved file is
    /// the same file.
    ///
    /// # Errors
    /// Those of [`split_files`](Self::split_files), [`DataError::OpenSplit`], [`DataError::Read`].
    pub fn fingerprint_parts(&self, split: &str) -> Result<BTreeMap<String, String>, DataError> {
        let mut digests = Vec::new();
        for path in self.split_files(split)? {
            let file = open_file(&self.path, split, &path)?;
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader(&file).map_err(|source| DataError::Read { path, source })?;
            digests.push(hasher.finalize().to_hex().to_string());
        }
        self.fingerprint_of(split, &digests)
    }

    /// Returns the same for files whose digests are known, one for each file of the split in order.
    ///
    /// # Errors
    /// Those of [`split_files`](Self::split_files), [`DataError::OpenSplit`].
    pub fn fingerprint_of(&self, split: &str, digests: &[String]) -> Result<BTreeMap<String, String>, DataError> {
        let mut class_names = BTreeSet::new();
        if self.format == Format::Parquet {
            for path in self.split_files(split)? {
                class_names.extend(class_names_of(self, open_file(&self.path, split, &path)?));
            }
        }
        let digest = match digests {
            [one] => one.clone(),
            _ => {
                let mut hasher = blake3::Hasher::new();
                for digest in digests.iter().filter_map(|digest| blake3::Hash::from_hex(digest).ok()) {
                    hasher.update(digest.as_bytes());
                }
                hasher.finalize().to_hex().to_string()
            }
        };
        let mut parts = self.layout().parts();
        if !class_names.is_empty() {
            let names = class_names.into_iter().collect::<Vec<_>>().join("; ");
            parts.insert("data.class_names".to_owned(), names);
        }
        parts.insert(format!("data.{split}.digest"), digest);
        parts.insert("data.task".to_owned(), self.task.to_string());
        Ok(parts)
    }
}
