//! Byte-level BPE (Radford et al., 2019) from `vocab.json`, ids by token, and `merges.txt`, pairs in the order of merging.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::error::BrokenVocabulary;
use super::settings::Settings;
use super::special::Special;

pub(super) fn tokenizer(
    ids: BTreeMap<String, usize>,
    merges: &[u8],
    settings: &Settings,
) -> Result<Json, BrokenVocabulary> {
    let size = ids.values().max().ok_or(BrokenVocabulary::Empty)?.saturating_add(1);
    let merges = std::str::from_utf8(merges).map_err(BrokenVocabulary::NotText)?;
    let mut pairs = Vec::new();
    for (number, line) in merges.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if line.starts_with("#version") {
            continue;
        }
        let known = |token: &str| ids.contains_key(token);
        match line.trim_end().split_once(' ') {
            Some((a, b)) if known(a) && known(b) && known(&format!("{a}{b}")) => pairs.push((a, b)),
            _ => return Err(BrokenVocabulary::Merge { line: number + 1, found: line.to_owned() }),
        }
    }
    let special = Special::new(settings, size, |token| ids.get(token).copied())?;
    let prefix = settings.flag("add_prefix_space").unwrap_or(false);
    let byte_level =
        |prefix| json!({"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true, "use_regex": true});
    let model = json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": null,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": false,
        "byte_fallback": false,
        "ignore_merges": false,
        "vocab": ids,
        "merges": pairs,
    });
    let mut file = special.file(settings.style, Json::Null, byte_level(prefix), byte_level(true), model);
    if let Some(setting) = file.pointer_mut("/post_processor/add_prefix_space") {
        *setting = Json::from(prefix);
    }
    Ok(file)
}
