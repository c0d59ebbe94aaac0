//! Tokens beside those of transformers, made by `tests/goldens/tokens/recipe.py`.

use crate::common::{golden, minilm, small};
use larder_data::Content;
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    text: Option<String>,
    text_b: Option<String>,
    words: Option<Vec<String>>,
    repeat: usize,
    max_tokens: Option<usize>,
    input_ids: Vec<i32>,
    type_ids: Vec<i32>,
    offsets: Vec<(i32, i32)>,
    word_ids: Vec<i32>,
    truncated_tokens: u32,
}

impl Case {
    fn content(&self) -> Content {
        match (&self.text, &self.words) {
            (Some(text), None) => Content::Text { text: text.repeat(self.repeat), text_b: self.text_b.clone() },
            (None, Some(words)) => Content::Words(words.clone()),
            _ => panic!("a case has a text or words"),
        }
    }

    fn expected(&self) -> Tokens {
        Tokens {
            input_ids: self.input_ids.clone(),
            type_ids: self.type_ids.clone(),
            offsets: self.offsets.clone(),
            word_ids: self.word_ids.clone(),
            truncated_tokens: self.truncated_tokens,
        }
    }
}

fn cases(name: &str) -> Vec<Case> {
    let path = golden(&format!("{name}.expected.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn check(name: &str, tokenizer: &Tokenizer) {
    let cases = cases(name);
    assert!(cases.len() >= 40);
    for case in &cases {
        let content = case.content();
        let found = tokenizer.encode(&content, &TokenizeSettings { max_tokens: case.max_tokens }).unwrap();
        assert_eq!(found, case.expected(), "{name}: {content:?} to {:?} tokens", case.max_tokens);
    }
}

#[test]
fn small_wordpiece_agrees_with_transformers() {
    check("wordpiece", &small("wordpiece"));
}

#[test]
fn small_byte_level_bpe_agrees_with_transformers() {
    check("bytelevel", &small("bytelevel"));
}

#[test]
fn modernbert_s_arrangement_agrees_with_transformers() {
    check("modernbert", &small("modernbert"));
}

#[test]
fn eurobert_s_arrangement_agrees_with_transformers() {
    check("eurobert", &small("eurobert"));
}

#[test]
fn small_unigram_agrees_with_transformers() {
    check("unigram", &small("unigram"));
}

#[test]
fn minilm_agrees_with_transformers() {
    let Some(tokenizer) = minilm() else { return };
    check("minilm", &tokenizer);
    assert_eq!(tokenizer.vocabulary_size(), 30_522);
    let special = tokenizer.special_tokens();
    assert_eq!((special.cls_id, special.sep_id, special.pad_id), (Some(101), Some(102), Some(0)));
    assert_eq!((special.unk_id, special.mask_id), (Some(100), Some(103)));
    assert_eq!((special.single_tokens, special.pair_tokens), (2, 3));
}

#[test]
fn a_batch_is_its_entries_in_order() {
    let tokenizer = small("wordpiece");
    let cases = cases("wordpiece");
    let cases: Vec<&Case> = cases.iter().filter(|case| case.max_tokens.is_none()).collect();
    let contents: Vec<Content> = cases.iter().map(|case| case.content()).collect();
    let found = tokenizer.encode_batch(&contents, &TokenizeSettings::default()).unwrap();
    let expected: Vec<Tokens> = cases.iter().map(|case| case.expected()).collect();
    assert_eq!(found, expected);
}
