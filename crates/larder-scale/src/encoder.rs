//! An encoder's files in a store, under the digest of them all.

use std::path::Path;

use larder_files::{FileError, digest_bytes, digest_file};

use crate::plan::{PlannedEncoder, PlannedFile};
use crate::store::Store;
use crate::{ScaleError, keys};

/// Puts the files called `names` of an encoder's folder into the store, each unless it is there.
///
/// # Errors
/// [`ScaleError::File`]; [`ScaleError`] of the store.
pub fn publish_encoder(
    store: &Store,
    name: &str,
    folder: &Path,
    names: &[String],
    (model_digest, tokenizer_digest): (&str, &str),
) -> Result<PlannedEncoder, ScaleError> {
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        files.push(PlannedFile { name: name.clone(), digest: digest_file(&folder.join(name))? });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let list: String = files.iter().map(|file| format!("{} {}\n", file.digest, file.name)).collect();
    let digest = digest_bytes(list.as_bytes());
    for file in &files {
        store.put_content(&keys::encoder_file(&digest, &file.name), &folder.join(&file.name))?;
    }
    let (name, model_digest, tokenizer_digest) =
        (name.to_owned(), model_digest.to_owned(), tokenizer_digest.to_owned());
    Ok(PlannedEncoder { name, digest, model_digest, tokenizer_digest, files })
}

/// Fetches the files of a plan's encoder into `folder` and compares their digests.
///
/// # Errors
/// [`ScaleError::NotThere`], [`ScaleError::Damaged`], [`ScaleError::File`]; [`ScaleError`] of the store.
pub fn fetch_encoder_files(store: &Store, encoder: &PlannedEncoder, folder: &Path) -> Result<(), ScaleError> {
    std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
    for file in &encoder.files {
        let key = keys::encoder_file(&encoder.digest, &file.name);
        let way_out = "make the plan again on a machine that has the encoder: that puts it there";
        let target = folder.join(&file.name);
        if !store.fetch(&key, &target)? {
            return Err(ScaleError::NotThere { what: "file of the encoder", uri: store.object(&key), way_out });
        }
        let found = digest_file(&target)?;
        if found != file.digest {
            let (uri, expected) = (store.object(&key), file.digest.clone());
            return Err(ScaleError::Damaged { uri, expected, found, way_out: "remove it, and make the plan again" });
        }
    }
    Ok(())
}
