//! WordPiece (Wu et al., 2016, <https://arxiv.org/abs/1609.08144>) from `vocab.txt`: one token a line, its id the line's
//! number.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::error::BrokenVocabulary;
use super::settings::{Role, Settings};
use super::special::Special;

/// A longer run of letters is one unknown word.
const LONGEST_WORD: usize = 100;

pub(super) fn tokenizer(text: &[u8], settings: &Settings) -> Result<Json, BrokenVocabulary> {
    let text = std::str::from_utf8(text).map_err(BrokenVocabulary::NotText)?;
    // Of a token that stands there twice, the last line counts.
    let ids: BTreeMap<&str, usize> = text.lines().enumerate().map(|(id, token)| (token, id)).collect();
    if ids.is_empty() {
        return Err(BrokenVocabulary::Empty);
    }
    let special = Special::new(settings, text.lines().count(), |token| ids.get(token).copied())?;
    let prefix = settings.text("wordpieces_prefix").unwrap_or("##");
    let normalizer = json!({
        "type": "BertNormalizer",
        "clean_text": settings.flag("clean_text").unwrap_or(true),
        "handle_chinese_chars": settings.flag("tokenize_chinese_chars").unwrap_or(true),
        "strip_accents": settings.flag("strip_accents"),
        "lowercase": settings.flag("do_lower_case").unwrap_or(true),
    });
    let model = json!({
        "type": "WordPiece",
        "unk_token": settings.token(Role::Unk).content,
        "continuing_subword_prefix": prefix,
        "max_input_chars_per_word": LONGEST_WORD,
        "vocab": ids,
    });
    let decoder = json!({"type": "WordPiece", "prefix": prefix, "cleanup": true});
    Ok(special.file(settings.style, normalizer, json!({"type": "BertPreTokenizer"}), decoder, model))
}
