//! Reading small files, with their paths in the errors.

use std::io::ErrorKind;
use std::path::Path;

use crate::EncoderError;

/// A file's content.
///
/// # Errors
/// [`EncoderError::Read`], for what is no regular file too: a pipe or a device may have no end.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, EncoderError> {
    read_up_to(path, u64::MAX)
}

/// The content of a file of at most `limit` bytes.
///
/// # Errors
/// As [`read`]; [`EncoderError::FileTooLarge`] before anything of a larger one is read.
pub(crate) fn read_up_to(path: &Path, limit: u64) -> Result<Vec<u8>, EncoderError> {
    let wrong = |source| EncoderError::Read { path: path.to_path_buf(), source };
    let bytes = larder_files::check(path).map_err(wrong)?.len();
    if bytes > limit {
        return Err(EncoderError::FileTooLarge { path: path.to_path_buf(), bytes, limit });
    }
    std::fs::read(path).map_err(wrong)
}

/// A file's content; `None` where there is no such file.
///
/// # Errors
/// [`EncoderError::Read`].
pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, EncoderError> {
    match read(path) {
        Err(EncoderError::Read { source, .. })
            if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        read => read.map(Some),
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
