//! Reading small files, with their paths in the errors.

use std::io::ErrorKind;
use std::path::Path;

use crate::EncoderError;

/// A file's content.
///
/// # Errors
/// [`EncoderError::Read`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, EncoderError> {
    std::fs::read(path).map_err(|source| EncoderError::Read { path: path.to_path_buf(), source })
}

/// A file's content; `None` where there is no such file.
///
/// # Errors
/// [`EncoderError::Read`].
pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, EncoderError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(EncoderError::Read { path: path.to_path_buf(), source }),
    }
}

/// The names of what lies in a folder, sorted; names that are no Unicode are shown as well as they can be.
///
/// # Errors
/// [`EncoderError::Read`].
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>, EncoderError> {
    let wrong = |source| EncoderError::Read { path: folder.to_path_buf(), source };
    let entries = std::fs::read_dir(folder).map_err(wrong)?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    names.sort();
    Ok(names)
}
