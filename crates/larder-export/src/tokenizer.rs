//! `tokenizer.json` of an exported folder, and transformers' `tokenizer_config.json`.
//!
//! A published file may pad every text to a fixed length, or truncate where the encoder reads on; the exported one truncates
//! and pads as the run does.

use std::path::{Path, PathBuf};

use larder_intake::EncoderManifest;
use serde_json::{Value, json};

use crate::error::ExportError;
use crate::inputs::INPUT_IDS;

/// The tokenizer's configuration for transformers' loaders.
pub(crate) const TOKENIZER_CONFIG_FILE: &str = "tokenizer_config.json";

/// The inputs of a run: texts, which are truncated, or words, which are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenizerInput {
    /// Texts or pairs with a maximum number of tokens, special tokens included.
    Texts(usize),
    /// Words, with a maximum number of tokens at once.
    Words(usize),
}

/// An exported folder's tokenizer files.
#[derive(Debug, Clone)]
pub(crate) struct TokenizerFiles {
    /// `tokenizer.json`
    pub(crate) tokenizer: Vec<u8>,
    /// `tokenizer_config.json`
    pub(crate) config: Value,
    /// Token id of padding.
    pub(crate) pad_id: i32,
    /// The token for words that the vocabulary cannot spell.
    pub(crate) unk_token: Option<String>,
}

impl TokenizerFiles {
    /// Makes them from the encoder's `tokenizer.json`; `path` is for messages. `inputs` are those of the exported graph.
    ///
    /// # Errors
    /// [`ExportError::Malformed`].
    pub(crate) fn new(
        path: &Path,
        bytes: &[u8],
        manifest: &EncoderManifest,
        reads: TokenizerInput,
        inputs: &[String],
    ) -> Result<Self, ExportError> {
        let wrong = |problem: String| ExportError::Malformed { path: PathBuf::from(path), problem };
        let mut file: Value = serde_json::from_slice(bytes).map_err(|source| wrong(source.to_string()))?;
        let Value::Object(fields) = &mut file else { return Err(wrong("expected a JSON object".to_owned())) };
        let special = &manifest.special_tokens;
        // As in the encode stage, without a padding token.
        let pad_id = special.pad_id.unwrap_or(0);
        let token = |id: Option<i32>| id.and_then(|id| token_of(fields, id));
        let pad_token = token(Some(pad_id)).ok_or_else(|| wrong(format!("no token has the id {pad_id}")))?;
        let (cls, sep) = (token(special.cls_id), token(special.sep_id));
        let (unk, mask) = (token(special.unk_id), token(special.mask_id));
        let max_tokens = match reads {
            TokenizerInput::Texts(max_tokens) | TokenizerInput::Words(max_tokens) => max_tokens,
        };
        let mut config = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_tokens,
            "padding_side": "right",
            "truncation_side": "right",
            "clean_up_tokenization_spaces": false,
            "model_input_names": inputs,
            "pad_token": pad_token,
        });
        for (key, token) in [("cls_token", cls), ("sep_token", sep), ("unk_token", unk.clone()), ("mask_token", mask)] {
            if let Some(token) = token {
                config[key] = token.into();
            }
        }
        let truncation = match reads {
            TokenizerInput::Texts(max_tokens) => {
                json!({"direction": "Right", "max_length": max_tokens, "strategy": "LongestFirst", "stride": 0})
            }
            TokenizerInput::Words(_) => Value::Null,
        };
        let padding = json!({
            "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": pad_id, "pad_type_id": 0, "pad_token": pad_token,
        });
        if let (TokenizerInput::Words(_), Some(pre_tokenizer)) = (reads, fields.get_mut("pre_tokenizer")) {
            space_words(pre_tokenizer);
        }
        fields.insert("truncation".to_owned(), truncation);
        fields.insert("padding".to_owned(), padding);
        let tokenizer = serde_json::to_vec(&file).map_err(|source| wrong(source.to_string()))?;
        debug_assert!(inputs.iter().any(|input| input == INPUT_IDS));
        Ok(Self { tokenizer, config, pad_id, unk_token: unk })
    }
}

/// Makes every word read as after a space, as larder does: byte-level vocabularies spell words inside a text differently.
fn space_words(pre_tokenizer: &mut Value) {
    match pre_tokenizer.get("type").and_then(Value::as_str) {
        Some("ByteLevel") => pre_tokenizer["add_prefix_space"] = true.into(),
        Some("Metaspace") if pre_tokenizer.get("prepend_scheme").and_then(Value::as_str) == Some("never") => {
            pre_tokenizer["prepend_scheme"] = "always".into();
        }
        Some("Sequence") => {
            let parts = pre_tokenizer.get_mut("pretokenizers").and_then(Value::as_array_mut);
            parts.into_iter().flatten().for_each(space_words);
        }
        _ => {}
    }
}

/// Returns the token with an id: an added token, or one of the vocabulary, which is a map from tokens to ids or a list of
/// tokens with scores.
fn token_of(fields: &serde_json::Map<String, Value>, id: i32) -> Option<String> {
    let is = |value: &Value| value.as_i64() == Some(i64::from(id));
    let added = fields.get("added_tokens").and_then(Value::as_array).into_iter().flatten();
    let added = added.filter(|token| token.get("id").is_some_and(is)).find_map(|token| token.get("content")?.as_str());
    let vocabulary = || match fields.get("model")?.get("vocab")? {
        Value::Object(tokens) => tokens.iter().find(|(_, number)| is(number)).map(|(token, _)| token.as_str()),
        Value::Array(tokens) => tokens.get(usize::try_from(id).ok()?)?.get(0)?.as_str(),
        _ => None,
    };
    added.or_else(vocabulary).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_in_every_form_of_vocabulary() {
        let fields = |text: &str| match serde_json::from_str(text).unwrap() {
            Value::Object(fields) => fields,
            _ => panic!("an object"),
        };
        let map =
            fields(r#"{"added_tokens": [{"id": 0, "content": "[PAD]"}], "model": {"vocab": {"[pad]": 0, "b": 7}}}"#);
        assert_eq!([0, 7, 8].map(|id| token_of(&map, id)), [Some("[PAD]".to_owned()), Some("b".to_owned()), None]);
        let list = fields(r#"{"model": {"vocab": [["<s>", 0.0], ["<pad>", -1.5]]}}"#);
        assert_eq!([1, 2, -1].map(|id| token_of(&list, id)), [Some("<pad>".to_owned()), None, None]);
        assert_eq!(token_of(&fields("{}"), 0), None);
    }

    #[test]
    fn words_are_read_as_after_a_space() {
        let mut value = json!({"type": "Sequence", "pretokenizers": [
            {"type": "ByteLevel", "add_prefix_space": false},
            {"type": "Metaspace", "prepend_scheme": "never"},
            {"type": "Metaspace", "prepend_scheme": "first"},
            {"type": "BertPreTokenizer"},
        ]});
        space_words(&mut value);
        let parts = &value["pretokenizers"];
        assert_eq!((&parts[0]["add_prefix_space"], &parts[1]["prepend_scheme"]), (&json!(true), &json!("always")));
        assert_eq!((&parts[2]["prepend_scheme"], parts[3].as_object().unwrap().len()), (&json!("first"), 1));
    }
}
