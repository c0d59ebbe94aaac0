//! Properties of tokenizers, their refusals, and laws for every text.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use crate::common::{golden, minilm, pair, small, text};
use larder_data::Content;
use larder_tokens::{NO_WORD, TokenizeSettings, Tokenizer, TokensError};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::{NormalizedString, Normalizer};

const WHOLE: TokenizeSettings = TokenizeSettings { max_tokens: None };

/// The small WordPiece file after `edit`.
fn edited(edit: impl FnOnce(&mut Value)) -> (TempDir, PathBuf) {
    let mut file: Value = serde_json::from_str(&fs::read_to_string(golden("wordpiece.json")).unwrap()).unwrap();
    edit(&mut file);
    written(&file.to_string())
}

fn written(content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, content).unwrap();
    (folder, path)
}

#[test]
fn knows_its_special_tokens_and_size() {
    let wordpiece = small("wordpiece");
    let special = *wordpiece.special_tokens();
    assert_eq!((special.pad_id, special.unk_id, special.mask_id), (Some(0), Some(1), Some(4)));
    assert_eq!((special.cls_id, special.sep_id), (Some(2), Some(3)));
    assert_eq!((special.single_tokens, special.pair_tokens), (2, 3));
    assert_eq!(wordpiece.token(2).as_deref(), Some("[CLS]"));
    assert_eq!((wordpiece.token(-1), wordpiece.token(1 << 20)), (None, None));

    let byte_level = small("bytelevel");
    let special = *byte_level.special_tokens();
    assert_eq!((special.cls_id, special.sep_id, special.pad_id), (Some(0), Some(2), Some(1)));
    assert_eq!((special.unk_id, special.mask_id), (Some(3), Some(4)));
    assert_eq!((special.single_tokens, special.pair_tokens), (2, 4));
    assert_ne!(wordpiece.digest(), byte_level.digest());
}

#[test]
fn special_tokens_are_found_whatever_they_are_called() {
    let (_folder, path) = edited(|file| {
        // Not named like a special token at all, and put behind the text as XLNet does.
        let piece = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        file["post_processor"]["single"] = json!([text, piece("[SEP]"), piece("cat")]);
        let id = &file["model"]["vocab"]["cat"];
        file["post_processor"]["special_tokens"]["cat"] = json!({"id": "cat", "ids": [id], "tokens": ["cat"]});
    });
    let tokenizer = Tokenizer::load(&path).unwrap();
    let special = tokenizer.special_tokens();
    assert_eq!(special.sep_id, Some(3));
    assert_eq!(tokenizer.token(special.cls_id.unwrap()).as_deref(), Some("cat"));
}

/// As T5 has it.
#[test]
fn a_template_may_only_close_texts() {
    let (_folder, path) = edited(|file| {
        for key in ["single", "pair"] {
            file["post_processor"][key].as_array_mut().unwrap().remove(0);
        }
    });
    let tokenizer = Tokenizer::load(&path).unwrap();
    let special = tokenizer.special_tokens();
    assert_eq!((special.cls_id, special.sep_id, special.leading_tokens), (None, Some(3), 0));
    assert_eq!((special.single_tokens, special.pair_tokens), (1, 2));
    assert_eq!(small("wordpiece").special_tokens().leading_tokens, 1);
    let (whole, closed) =
        (small("wordpiece").encode(&text("the cat"), &WHOLE), tokenizer.encode(&text("the cat"), &WHOLE));
    assert_eq!(whole.unwrap().input_ids[1..], closed.unwrap().input_ids);
    let words = Content::Words(vec!["the".to_owned(), "\u{1}".to_owned(), "cat".to_owned()]);
    assert_eq!(tokenizer.encode(&words, &WHOLE).unwrap().word_ids, [0, 1, 2, NO_WORD]);
}

#[test]
fn added_tokens_count_for_the_size() {
    let size = small("wordpiece").vocabulary_size();
    let (_folder, path) = edited(|file| {
        let added = json!({"id": 5000, "content": "[X]", "single_word": false, "lstrip": false, "rstrip": false,
                           "normalized": false, "special": true});
        file["added_tokens"].as_array_mut().unwrap().push(added);
        file["model"]["vocab"]["[X]"] = json!(5000);
    });
    let tokenizer = Tokenizer::load(&path).unwrap();
    assert_eq!(tokenizer.vocabulary_size(), 5001);
    assert!(size < 400);
    tokenizer.check_fits(5001).unwrap();
    tokenizer.check_fits(5056).unwrap();
    assert!(tokenizer.tokens_beyond(5001).is_empty());
}

/// An added token beyond the encoder's table is a matter of the texts that have it; one of the vocabulary is another
/// encoder's.
#[test]
fn only_texts_with_a_token_beyond_the_table_are_refused() {
    let rows = small("wordpiece").vocabulary_size();
    let (_folder, path) = edited(|file| {
        let added = json!({"id": rows, "content": "[X]", "single_word": false, "lstrip": false, "rstrip": false,
                           "normalized": false, "special": true});
        file["added_tokens"].as_array_mut().unwrap().push(added);
    });
    let tokenizer = Tokenizer::load(&path).unwrap().with_embedding_rows(rows);
    tokenizer.check_fits(rows).unwrap();
    let id = i32::try_from(rows).unwrap();
    assert_eq!(tokenizer.tokens_beyond(rows), [("[X]".to_owned(), id)]);
    tokenizer.encode(&text("the cat"), &WHOLE).unwrap();
    // Not where it is cut off.
    tokenizer.encode(&text("the cat [X]"), &TokenizeSettings { max_tokens: Some(4) }).unwrap();
    let words = Content::Words(vec!["the".to_owned(), "[X]".to_owned()]);
    for content in [text("the cat [X]"), pair("the", "[X] cat"), words] {
        let error = tokenizer.encode(&content, &WHOLE).unwrap_err();
        let is_named = matches!(&error, TokensError::TokenBeyondTable { token, .. } if token == "[X]");
        assert!(is_named && error.to_string().contains(&format!("id {id}")), "{error}");
    }

    for (edit, largest) in [
        (&(|file: &mut Value| file["model"]["vocab"]["dog"] = json!(5000)) as &dyn Fn(&mut Value), "dog"),
        (&|file: &mut Value| pad_at(file, 5000), "[PAD]"),
    ] {
        let (_folder, path) = edited(edit);
        let tokenizer = Tokenizer::load(&path).unwrap();
        tokenizer.check_fits(5001).unwrap();
        let error = tokenizer.check_fits(5000).unwrap_err().to_string();
        let expected = format!("largest id 5000 ({largest:?}), embedding has 5000 rows");
        assert!(error.contains("does not belong to the encoder") && error.contains(&expected), "{error}");
    }
}

fn pad_at(file: &mut Value, id: u32) {
    file["model"]["vocab"]["[PAD]"] = json!(id);
    for added in file["added_tokens"].as_array_mut().unwrap() {
        if added["content"] == "[PAD]" {
            added["id"] = json!(id);
        }
    }
}

#[test]
fn the_files_own_padding_and_truncation_are_ignored() {
    let file: Value = serde_json::from_str(&fs::read_to_string(golden("wordpiece.json")).unwrap()).unwrap();
    assert_eq!(file["padding"]["strategy"]["Fixed"], 24, "the golden file must ask for padding");
    assert_eq!(file["truncation"]["max_length"], 24, "the golden file must ask for truncation");
    let tokenizer = small("wordpiece");
    assert_eq!(tokenizer.encode(&text("the cat"), &WHOLE).unwrap().len(), 4);
    let long = tokenizer.encode(&text(&"the cat ".repeat(50)), &WHOLE).unwrap();
    assert_eq!((long.len(), long.truncated_tokens), (102, 0));
}

#[test]
fn files_that_are_no_tokenizers_are_refused() {
    let (folder, path) = written("{\n  \"version\": \"1.0\",\n  \"model\": }\n");
    let error = Tokenizer::load(&path).unwrap_err();
    assert!(error.to_string().contains("tokenizer.json, line 3, column 12: not a tokenizer.json"), "{error}");
    assert!(error.source().unwrap().to_string().contains("expected value"));

    let error = Tokenizer::load(&folder.path().join("missing.json")).unwrap_err();
    assert!(matches!(error, TokensError::Read { .. }) && error.to_string().contains("missing.json"));

    for content in ["", "{}", "[1, 2]", "\u{0}", "{\"version\": \"1.0\", \"model\": {\"type\": \"Magic\"}}"] {
        let (_folder, path) = written(content);
        let error = Tokenizer::load(&path).unwrap_err();
        assert!(matches!(error, TokensError::Malformed { .. }), "{content:?}: {error}");
    }
}

#[test]
fn files_that_their_reader_would_stumble_over_are_refused() {
    // Cut inside what is read last, the decoder.
    let whole = fs::read_to_string(golden("wordpiece.json")).unwrap();
    for end in [whole.find("\"decoder\"").unwrap() + 20, whole.find("\"decoder\"").unwrap() + 40] {
        let (_folder, path) = written(&whole[..end]);
        assert!(matches!(Tokenizer::load(&path), Err(TokensError::Malformed { .. })));
    }
    // A number that is none, where the library expects that it can be kept.
    let (_folder, path) = written(&whole.replacen("\"decoder\": {", "\"decoder\": 1e999, \"other\": {", 1));
    let error = Tokenizer::load(&path).unwrap_err();
    assert!(matches!(error, TokensError::Contradiction { .. }), "{error}");
    let (_folder, path) = edited(|file| file["post_processor"]["special_tokens"] = json!({}));
    let error = Tokenizer::load(&path).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json") && error.contains("which it does not define"), "{error}");
}

#[test]
fn files_without_special_tokens_are_refused() {
    let (_folder, path) = edited(|file| file["post_processor"] = Value::Null);
    let error = Tokenizer::load(&path).unwrap_err().to_string();
    assert!(error.contains("adds no special tokens around a text (its \"post_processor\" is absent)"), "{error}");
    let (_folder, path) = edited(|file| {
        file["post_processor"] = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                                        "use_regex": true});
    });
    let error = Tokenizer::load(&path).unwrap_err().to_string();
    assert!(error.contains("is present"), "{error}");
}

#[test]
fn a_vocabulary_without_the_unknown_token_fails_with_the_text() {
    let (_folder, path) = edited(|file| {
        file["model"]["vocab"].as_object_mut().unwrap().remove("[UNK]");
        file["added_tokens"].as_array_mut().unwrap().retain(|token| token["content"] != "[UNK]");
    });
    let tokenizer = Tokenizer::load(&path).unwrap();
    let batch = [text("the cat"), text("the Ω"), text("Ω")];
    let error = tokenizer.encode_batch(&batch, &WHOLE).unwrap_err();
    assert_eq!(error.to_string(), "cannot tokenize entry 1 of the batch, \"the Ω\"");
    let source = error.source().unwrap();
    assert!(source.to_string().contains("failed on \"the Ω\""), "{source}");
}

#[test]
fn a_limit_without_room_is_refused() {
    let tokenizer = small("wordpiece");
    let limit = |max_tokens| TokenizeSettings { max_tokens: Some(max_tokens) };
    assert_eq!(tokenizer.encode(&text("the cat"), &limit(3)).unwrap().len(), 3);
    let error = tokenizer.encode(&text("the cat"), &limit(2)).unwrap_err().to_string();
    assert!(error.starts_with("at most 2 tokens leave no room for the text: 2 special tokens and 1 more"), "{error}");
    assert_eq!(tokenizer.encode(&pair("the cat", "sat"), &limit(5)).unwrap().len(), 5);
    assert!(matches!(
        tokenizer.encode(&pair("the cat", "sat"), &limit(4)),
        Err(TokensError::MaxTokensTooSmall { max_tokens: 4, special_tokens: 3, texts: 2 })
    ));
}

#[test]
fn words_are_never_cut() {
    let words = Content::Words(vec!["unhandled".to_owned(); 100]);
    let tokens = small("wordpiece").encode(&words, &TokenizeSettings { max_tokens: Some(8) }).unwrap();
    assert_eq!((tokens.len(), tokens.truncated_tokens), (402, 0));
    assert_eq!(tokens.word_ids[401 - 1], 99);
}

#[test]
fn a_word_without_a_token_gets_the_unknown_one() {
    let words = |words: &[&str]| Content::Words(words.iter().map(|word| (*word).to_owned()).collect());
    let dropped = words(&["\u{7}", "cat", "\u{200b}\u{200d}", "\u{7f}"]);
    let tokens = small("wordpiece").encode(&dropped, &WHOLE).unwrap();
    assert_eq!(tokens.word_ids, [NO_WORD, 0, 1, 2, 3, NO_WORD]);
    assert_eq!((tokens.input_ids[1], tokens.input_ids[3], tokens.input_ids[4]), (1, 1, 1));
    assert_eq!((tokens.offsets[1], tokens.offsets[3]), ((0, 1), (0, 2)));
    // Every template in use: specials in front, behind, or on both sides.
    let all = small("wordpiece").encode(&words(&["\u{7}"; 3]), &WHOLE).unwrap();
    assert_eq!(all.word_ids, [NO_WORD, 0, 1, 2, NO_WORD]);
    let (_folder, path) = edited(|file| {
        file["post_processor"]["single"] =
            json!([{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]);
    });
    let behind = Tokenizer::load(&path).unwrap().encode(&dropped, &WHOLE).unwrap();
    assert_eq!(behind.word_ids, [0, 1, 2, 3, NO_WORD]);
}

#[test]
fn the_unknown_token_is_the_models_own() {
    let (_folder, path) = edited(|file| file["model"]["unk_token"] = json!("cat"));
    let tokenizer = Tokenizer::load(&path).unwrap();
    let id = tokenizer.special_tokens().unk_id.unwrap();
    assert_eq!(tokenizer.token(id).as_deref(), Some("cat"));
    assert_eq!(small("unigram").special_tokens().unk_id, Some(3));
}

#[test]
fn without_an_unknown_token_a_word_may_have_none() {
    let (_folder, path) = edited(|file| {
        file["model"]["vocab"].as_object_mut().unwrap().remove("[UNK]");
        file["added_tokens"].as_array_mut().unwrap().retain(|token| token["content"] != "[UNK]");
    });
    let words = Content::Words(["the", "\u{7}", "cat"].map(str::to_owned).to_vec());
    let tokens = Tokenizer::load(&path).unwrap().encode(&words, &WHOLE).unwrap();
    assert_eq!(tokens.word_ids, [NO_WORD, 0, 2, NO_WORD]);
}

#[test]
fn words_in_the_middle_of_a_text_keep_their_prefix() {
    let with = |scheme: &str| {
        let mut file: Value = serde_json::from_str(&fs::read_to_string(golden("unigram.json")).unwrap()).unwrap();
        file["pre_tokenizer"] =
            json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
        let (_folder, path) = written(&file.to_string());
        let words = Content::Words(["the", "cat", "Straße"].map(str::to_owned).to_vec());
        let tokens = Tokenizer::load(&path).unwrap().encode(&words, &WHOLE).unwrap();
        // A prefix that is a token of its own has the span of a blank that is not there, or of the first letter.
        (tokens.input_ids, tokens.word_ids)
    };
    assert_eq!(with("always").0[..3], [0, 5, 7]);
    assert_eq!(with("never"), with("always"));
    assert_eq!(with("first"), with("always"));
}

/// Texts that mix what the vocabulary knows with what tokenizers stumble over.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["the", " cat", "Larder", "unable", " ", ". ", "n't", "#1", "[SEP]", "<mask>"])
            .prop_map(str::to_owned),
        2 => prop::sample::select(vec!["É", "e\u{301}", "İ", "ß", "ﬁ", "日本", "😀", "👩\u{200d}👧", "й", "한", "م"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[ -~]{0,6}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn characters(text: &str, (start, end): (i32, i32)) -> String {
    text.chars().skip(start as usize).take((end - start) as usize).collect()
}

/// Normalises `text` as BERT's normalizer does, without the spaces it puts around CJK characters.
fn normalised(text: &str) -> String {
    let mut text = NormalizedString::from(text);
    BertNormalizer::default().normalize(&mut text).unwrap();
    text.get().split_whitespace().collect()
}

/// Every token of a text is what its span says.
fn spans_hold_their_tokens(tokenizer: &Tokenizer, text: &str) {
    let content = Content::Text { text: text.to_owned(), text_b: None };
    let tokens = tokenizer.encode(&content, &WHOLE).unwrap();
    let length = text.chars().count() as i32;
    let special = tokenizer.special_tokens();
    let mut end_before = 0;
    for (place, (&id, &span)) in tokens.input_ids.iter().zip(&tokens.offsets).enumerate() {
        if tokens.word_ids[place] == NO_WORD {
            assert_eq!(span, (0, 0));
            assert!(Some(id) == special.cls_id || Some(id) == special.sep_id);
            continue;
        }
        assert!(0 <= span.0 && span.0 < span.1 && span.1 <= length, "{span:?} of {length} in {text:?}");
        // One character may give several tokens (a decomposed syllable), never tokens that step back.
        assert!(span.1 >= end_before, "{span:?} ends before {end_before} in {text:?}");
        end_before = span.1;
        let token = tokenizer.token(id).unwrap();
        let (slice, token) = (characters(text, span), token.strip_prefix("##").unwrap_or(&token));
        if Some(id) != special.unk_id && slice != token {
            let normalised = normalised(&slice);
            assert!(normalised.contains(token), "token {token:?} for {slice:?} ({normalised:?}) in {text:?}");
        }
    }
}

#[test]
fn spans_of_minilm_hold_their_tokens() {
    let Some(tokenizer) = minilm() else { return };
    for text in ["Crème brûlée, naïve 日本語 İstanbul Straße", "e\u{301} 한국어 😀 a\u{0}b zero\u{200b}width"]
    {
        spans_hold_their_tokens(&tokenizer, text);
    }
}

proptest! {
    #[test]
    fn spans_hold_their_tokens_in_any_text(text in texts()) {
        spans_hold_their_tokens(&small("wordpiece"), &text);
    }

    /// A limit keeps the beginning, counts the rest, and keeps the special tokens.
    #[test]
    fn a_limit_keeps_the_beginning(
        text in texts(),
        room in 1_usize..12,
        name in prop::sample::select(vec!["wordpiece", "bytelevel"]),
    ) {
        let tokenizer = small(name);
        let content = Content::Text { text, text_b: None };
        let whole = tokenizer.encode(&content, &WHOLE).unwrap();
        let cut = tokenizer.encode(&content, &TokenizeSettings { max_tokens: Some(room + 2) }).unwrap();
        prop_assert_eq!(cut.len(), whole.len().min(room + 2));
        prop_assert_eq!(cut.len() + cut.truncated_tokens as usize, whole.len());
        let kept = cut.len() - 1;
        prop_assert_eq!(&cut.input_ids[..kept], &whole.input_ids[..kept]);
        prop_assert_eq!(&cut.offsets[..kept], &whole.offsets[..kept]);
        prop_assert_eq!(cut.input_ids.last(), whole.input_ids.last());
        prop_assert_eq!(*cut.word_ids.last().unwrap(), NO_WORD);
    }

    /// Words give the tokens that each gives alone, under its own index and with spans of its own characters; every word
    /// has some.
    #[test]
    fn words_are_tokenized_one_by_one(
        words in prop::collection::vec(texts().prop_filter("not empty", |word| !word.is_empty()), 1..6),
        name in prop::sample::select(vec!["wordpiece", "bytelevel", "unigram"]),
    ) {
        let tokenizer = small(name);
        let together = tokenizer.encode(&Content::Words(words.clone()), &WHOLE).unwrap();
        let mut expected = (Vec::new(), Vec::new(), Vec::new());
        for (index, word) in words.iter().enumerate() {
            let alone = tokenizer.encode(&Content::Words(vec![word.clone()]), &WHOLE).unwrap();
            let inner = 1..alone.len() - 1;
            expected.0.extend_from_slice(&alone.input_ids[inner.clone()]);
            expected.1.extend_from_slice(&alone.offsets[inner.clone()]);
            expected.2.extend(inner.map(|_| index as i32));
            let length = word.chars().count() as i32;
            prop_assert!(alone.offsets.iter().all(|&(start, end)| 0 <= start && start <= end && end <= length));
        }
        let inner = 1..together.len() - 1;
        prop_assert_eq!(&together.input_ids[inner.clone()], &expected.0[..]);
        prop_assert_eq!(&together.word_ids[inner.clone()], &expected.2[..]);
        let mut found = together.word_ids[inner.clone()].to_vec();
        found.dedup();
        prop_assert_eq!(found, (0..words.len() as i32).collect::<Vec<_>>());
        if name == "wordpiece" {
            // Byte-level post-processing trims the span of the very first token differently.
            prop_assert_eq!(&together.offsets[inner], &expected.1[..]);
        }
    }
}
