//! JSON files with a checksum, the entry `checksum` of the object, which is compared when they are read.

use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::text_checksum::{seal_json, unsealed_json};
use crate::{FileError, write_atomic};

/// Writes `value` atomically as indented JSON with a checksum and a closing newline.
///
/// # Errors
/// [`FileError::Io`], or [`FileError::Json`] for a value that JSON cannot hold.
pub fn write_json<T: Serialize>(target: &Path, value: &T) -> Result<(), FileError> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|source| FileError::Json { path: target.to_path_buf(), source })?;
    text.push(b'\n');
    seal_json(&mut text);
    write_atomic(target, |w| w.write_all(&text))
}

/// Reads the text of a file that [`write_json`] wrote, without its checksum; `None` where there is no such file. One
/// without a checksum, of an earlier larder, is taken as it is.
///
/// # Errors
/// [`FileError::Io`], [`FileError::Damaged`].
pub fn read_json_text(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError::Io { action: "read", path: path.to_path_buf(), source }),
    };
    unsealed_json(text).map(Some).map_err(|what| FileError::Damaged { path: path.to_path_buf(), what })
}

/// Reads the value of a file that [`write_json`] wrote; `None` where there is no such file.
///
/// # Errors
/// Those of [`read_json_text`], and [`FileError::Json`] for text that holds no such value.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let read = |text: Vec<u8>| {
        serde_json::from_slice(&text).map_err(|source| FileError::Json { path: path.to_path_buf(), source })
    };
    read_json_text(path)?.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_value_comes_back_and_a_changed_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert_eq!(read_json::<serde_json::Value>(&path).unwrap(), None);
        let value = BTreeMap::from([("rate", 0.25), ("score", 0.75)]);
        write_json(&path, &value).unwrap();
        let read: serde_json::Value = read_json(&path).unwrap().unwrap();
        assert_eq!(read, serde_json::json!(value), "no reader meets the checksum");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("0.75", "0.76")).unwrap();
        let error = read_json::<serde_json::Value>(&path).unwrap_err();
        assert!(matches!(error, FileError::Damaged { .. }) && error.to_string().contains("a.json"), "{error}");
        // As an earlier larder wrote it.
        std::fs::write(&path, serde_json::to_vec(&value).unwrap()).unwrap();
        assert_eq!(read_json::<BTreeMap<String, f64>>(&path).unwrap().unwrap()["score"], 0.75);
    }
}
