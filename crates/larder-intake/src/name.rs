//! The name of an encoder whose user gives none.

use std::path::Path;

use larder_files::check_name;

use crate::EncoderError;

/// File and folder names that say nothing about the encoder in them: the next folder up is asked.
const GENERIC: [&str; 4] = ["model", "onnx", "encoder", "config"];

/// The encoder's name: the one given, or the file's or folder's own made fit to be a folder's name.
///
/// # Errors
/// [`EncoderError::File`] for a given name that cannot be a folder's; [`EncoderError::NoName`] when nothing of the
/// path can be.
pub(crate) fn encoder_name(given: Option<&str>, source: &Path) -> Result<String, EncoderError> {
    if let Some(name) = given {
        return Ok(check_name("encoder", name)?.to_owned());
    }
    // `.` and links have no telling name of their own.
    let path = source.canonicalize().unwrap_or_else(|_| source.to_path_buf());
    let is_file = path.is_file();
    let names = path.ancestors().enumerate().map(|(up, part)| {
        let name = if up == 0 && is_file { part.file_stem() } else { part.file_name() };
        safe(&name.unwrap_or_default().to_string_lossy())
    });
    let name = names.skip_while(|name| GENERIC.contains(&name.as_str())).find(|name| !name.is_empty());
    match name {
        Some(name) if check_name("encoder", &name).is_ok() => Ok(name),
        _ => Err(EncoderError::NoName { path: source.to_path_buf() }),
    }
}

/// A name with every character other than letters, digits, `-`, `_` and `.` replaced by `-`.
fn safe(name: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if fine(c) { c } else { '-' }).collect();
    name.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> String {
        encoder_name(None, Path::new(path)).expect("the path has a name")
    }

    #[test]
    fn names_come_from_the_file_or_the_first_telling_folder() {
        assert_eq!(name("/nowhere/all-MiniLM-L6-v2"), "all-MiniLM-L6-v2");
        assert_eq!(name("/nowhere/my encoder (copy)"), "my-encoder--copy");
        assert_eq!(name("/nowhere/bge/onnx"), "bge");
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("e5 small/onnx");
        std::fs::create_dir_all(&inner).expect("folders");
        for (file, expected) in [("model.onnx", "e5-small"), ("model_O2.onnx", "model_O2")] {
            std::fs::write(inner.join(file), "").expect("a file");
            assert_eq!(encoder_name(None, &inner.join(file)).expect("has a name"), expected);
        }
    }

    #[test]
    fn a_given_name_is_taken_as_it_is_or_refused() {
        assert_eq!(encoder_name(Some("mini.1"), Path::new("/x")).expect("is fine"), "mini.1");
        for bad in ["../x", "", ".hidden", "a/b", "a b", "C:\\x"] {
            assert!(matches!(encoder_name(Some(bad), Path::new("/x")), Err(EncoderError::File(_))), "{bad:?}");
        }
        assert!(matches!(encoder_name(None, Path::new("/")), Err(EncoderError::NoName { .. })));
    }
}
