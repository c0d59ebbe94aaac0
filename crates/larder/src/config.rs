//! `larder.toml`: defaults for a folder and those below it.

use std::path::{Path, PathBuf};

use larder_errors::Names;

use crate::cli::{Defaults, FILE_KEYS};
use crate::failure::Failure;

/// The file's name.
const NAME: &str = "larder.toml";

/// Finds where defaults come from: the environment, and `larder.toml` in the current folder or the nearest one above it.
///
/// # Errors
/// A file that cannot be read, an unknown key, a value of another kind.
pub fn defaults() -> Result<Defaults, Failure> {
    let variable = |name: &str| std::env::var_os(name);
    // Where there is no current folder, nothing is above it.
    let here = std::env::current_dir().unwrap_or_default();
    let Some(path) = here.ancestors().map(|folder| folder.join(NAME)).find(|path| path.is_file()) else {
        return Ok(Defaults { variable, file: None });
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|source| Failure::File { what: format!("cannot read {}", path.display()), source })?;
    let values = values(&text, &path)?;
    Ok(Defaults { variable, file: Some((path, values)) })
}

/// Returns the keys of a file with their values as flags take them. A relative home is one in the folder of the file.
fn values(text: &str, path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let table: toml::Table = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let value = |(key, value): (String, toml::Value)| {
        if !FILE_KEYS.contains(&key.as_str()) {
            return Err(wrong(format!("unknown key `{key}` ({})", Names::new(FILE_KEYS).hint(&key))));
        }
        let value = match value {
            toml::Value::String(text) if key == "home" => {
                path.parent().map_or_else(|| PathBuf::from(&text), |folder| folder.join(&text)).display().to_string()
            }
            toml::Value::String(text) => text,
            toml::Value::Integer(number) if ["threads", "memory"].contains(&key.as_str()) => number.to_string(),
            other => {
                let expected = if key == "threads" { "a whole number" } else { "a text in quotes" };
                return Err(wrong(format!("`{key}` is {expected}, not `{other}`")));
            }
        };
        Ok((key, value))
    };
    table.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        values(text, Path::new("/folder/larder.toml")).map_err(|failure| match failure {
            Failure::Usage(text) => text,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn values_are_those_of_flags() {
        let found = read("home = \"kept\"\nthreads = 2\ndevice = \"cpu\"").unwrap();
        assert!(found.contains(&("home".to_owned(), "/folder/kept".to_owned())));
        assert!(found.contains(&("threads".to_owned(), "2".to_owned())));
        assert!(found.contains(&("device".to_owned(), "cpu".to_owned())));
        assert!(read("home = \"/elsewhere\"").unwrap().contains(&("home".to_owned(), "/elsewhere".to_owned())));
    }

    #[test]
    fn mistakes_name_file_and_key() {
        let error = read("encodr = \"x\"").unwrap_err();
        assert!(error.starts_with("/folder/larder.toml: unknown key `encodr` (known: `home`"), "{error}");
        assert!(error.ends_with("did you mean `encoder`?)"), "{error}");
        assert_eq!(read("encoder = 3").unwrap_err(), "/folder/larder.toml: `encoder` is a text in quotes, not `3`");
        assert!(read("home = ").unwrap_err().starts_with("/folder/larder.toml: TOML parse error at line 1"));
    }
}
