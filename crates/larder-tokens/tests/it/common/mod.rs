//! Where the tests find tokenizers.

use std::path::{Path, PathBuf};

use larder_data::Content;
use larder_tokens::Tokenizer;

/// A file of `tests/goldens/tokens`.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/tokens").join(name)
}

/// One of the small tokenizers, such as `wordpiece`.
pub fn small(name: &str) -> Tokenizer {
    Tokenizer::load(&golden(&format!("{name}.json"))).unwrap()
}

/// The real tokenizer of all-MiniLM-L6-v2, from the folder in `LARDER_MINILM` or where set-up puts it.
pub fn minilm() -> Option<Tokenizer> {
    let folder = std::env::var_os("LARDER_MINILM").map(PathBuf::from);
    let installed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.larder/models/all-MiniLM-L6-v2");
    let path = folder.unwrap_or_else(installed).join("tokenizer.json");
    if !path.exists() {
        eprintln!("SKIPPED: no {}: run the set-up recipe or point LARDER_MINILM at the folder", path.display());
        return None;
    }
    Some(Tokenizer::load(&path).unwrap())
}

pub fn text(text: &str) -> Content {
    Content::Text { text: text.to_owned(), text_b: None }
}

pub fn pair(text: &str, text_b: &str) -> Content {
    Content::Text { text: text.to_owned(), text_b: Some(text_b.to_owned()) }
}
