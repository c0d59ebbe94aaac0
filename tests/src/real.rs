//! The encoder and the data that are not in the repository.

use std::path::PathBuf;

use crate::repository;

/// The folder of all-MiniLM-L6-v2: `LARDER_MINILM`, or where `just setup` puts it. `None`, said loudly, without it.
pub fn minilm(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LARDER_MINILM")
        .map_or_else(|| repository().join(".larder/models/all-MiniLM-L6-v2"), PathBuf::from);
    if folder.join("model.safetensors").is_file() {
        return Some(folder);
    }
    eprintln!("SKIPPED: {test} needs all-MiniLM-L6-v2, which is not in {}: run `just setup`", folder.display());
    None
}

/// The file `path` under `LARDER_DATA`. `None`, said loudly, without it.
pub fn data(test: &str, path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("LARDER_DATA") else {
        eprintln!("SKIPPED: {test} needs {path} under LARDER_DATA, which is not set: see data/README.md");
        return None;
    };
    let file = PathBuf::from(folder).join(path);
    if file.is_file() {
        return Some(file);
    }
    eprintln!("SKIPPED: {test} needs {}, which is not there: see data/README.md", file.display());
    None
}
