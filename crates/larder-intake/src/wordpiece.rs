//! A tokenizer for encoders made from nothing: WordPiece over ASCII text, fitted to a vocabulary size.
//!
//! It has no training data, so pieces come from what English is known to use: letters, common words and endings, then
//! pairs and triples of letters, the likely ones first. One vocabulary size gives one file, byte for byte.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::EncoderError;

/// The special tokens, in BERT's spelling. `[PAD]` stands at the configuration's `pad_token_id`, the rest fill up from 0.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Letters from the most to the least frequent in English prose.
const LETTERS: &[u8; 26] = b"etaoinshrdlcumwfgypbvkjxqz";
const DIGITS: &[u8; 10] = b"0123456789";
const PUNCTUATION: &[u8; 32] = b".,'\"-?!:;()/&%$#@*+=<>[]{}\\|^_`~";

/// Special tokens, and each letter and digit both at the start of a word and inside one: less cannot spell a word.
pub const SMALLEST_VOCABULARY: usize = SPECIAL.len() + 2 * (LETTERS.len() + DIGITS.len());

/// Words that make up about half of English text, the frequent first.
const WORDS: &str = "the of and to in is that for it as was with be by on not he his but at are this have from or had an \
    they which one you were all her she there would their we him been has when who will no more if out so up said what \
    its about than into them can only other time new some could these two may first then do any like my now over such \
    our man me even most made after also did many off before must well back through years where much your way down \
    should because long each just state those people too mr how little good world make very year still see own work men \
    day get here between both life being under three never know same last another while us might great old go come \
    since against right came take used himself few house use place during without again home around small however \
    found part school thought went say general once high upon every does got number until always away something fact \
    water though less public put think almost hand enough far took head yet better set nothing night end why find going \
    look asked later knew next food cold keep store book read write city room question door problem money left";

/// Endings and middles of English words, the frequent first.
const PIECES: &str = "s ed ing er ly es al en tion on an or le ic it y ment ous ness able ation ity ive ful less est th \
    ent ant ist ism ry age ure ance ence ship ward ize ise ate ical ally ers ings ions ments";

/// `tokenizer.json`, field by field, so that its bytes depend on nothing but the vocabulary.
#[derive(Serialize)]
struct File<'a> {
    version: &'static str,
    truncation: Option<()>,
    padding: Option<()>,
    added_tokens: Vec<AddedToken<'a>>,
    normalizer: Normalizer,
    pre_tokenizer: Tagged,
    post_processor: PostProcessor,
    decoder: Decoder,
    model: Model<'a>,
}

#[derive(Serialize)]
struct AddedToken<'a> {
    id: usize,
    content: &'a str,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

#[derive(Serialize)]
struct Normalizer {
    r#type: &'static str,
    clean_text: bool,
    handle_chinese_chars: bool,
    strip_accents: Option<bool>,
    lowercase: bool,
}

#[derive(Serialize)]
struct Tagged {
    r#type: &'static str,
}

#[derive(Serialize)]
struct PostProcessor {
    r#type: &'static str,
    sep: (&'static str, usize),
    cls: (&'static str, usize),
}

#[derive(Serialize)]
struct Decoder {
    r#type: &'static str,
    prefix: &'static str,
    cleanup: bool,
}

#[derive(Serialize)]
struct Model<'a> {
    r#type: &'static str,
    unk_token: &'static str,
    continuing_subword_prefix: &'static str,
    max_input_chars_per_word: usize,
    vocab: BTreeMap<&'a str, usize>,
}

/// The text of a `tokenizer.json` with at most `vocab_size` tokens: lower-casing, split at spaces and punctuation,
/// WordPiece (Wu et al., 2016, <https://arxiv.org/abs/1609.08144>), `[CLS] … [SEP]` around each text.
///
/// # Errors
/// [`EncoderError::VocabularyTooSmall`] below [`SMALLEST_VOCABULARY`].
pub(crate) fn tokenizer_json(vocab_size: usize, pad_token_id: Option<u32>) -> Result<Vec<u8>, EncoderError> {
    if vocab_size < SMALLEST_VOCABULARY {
        return Err(EncoderError::VocabularyTooSmall { vocab_size, smallest: SMALLEST_VOCABULARY });
    }
    let vocabulary = vocabulary(vocab_size, pad_token_id);
    let ids: BTreeMap<&str, usize> = vocabulary.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect();
    let added = SPECIAL.map(|content| AddedToken {
        id: ids[content],
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
    });
    let mut added = Vec::from(added);
    added.sort_by_key(|token| token.id);
    let file = File {
        version: "1.0",
        truncation: None,
        padding: None,
        added_tokens: added,
        normalizer: Normalizer {
            r#type: "BertNormalizer",
            clean_text: true,
            handle_chinese_chars: true,
            strip_accents: None,
            lowercase: true,
        },
        pre_tokenizer: Tagged { r#type: "BertPreTokenizer" },
        post_processor: PostProcessor {
            r#type: "BertProcessing",
            sep: ("[SEP]", ids["[SEP]"]),
            cls: ("[CLS]", ids["[CLS]"]),
        },
        decoder: Decoder { r#type: "WordPiece", prefix: "##", cleanup: true },
        model: Model {
            r#type: "WordPiece",
            unk_token: "[UNK]",
            continuing_subword_prefix: "##",
            max_input_chars_per_word: 100,
            vocab: ids,
        },
    };
    let mut text = serde_json::to_vec(&file).expect("strings and numbers can be written as JSON");
    text.push(b'\n');
    Ok(text)
}

/// At most `size` different tokens, by id.
fn vocabulary(size: usize, pad_token_id: Option<u32>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut tokens: Vec<String> = SPECIAL
        .iter()
        .map(|&token| token.to_owned())
        .chain(characters())
        .chain(words())
        .chain(combinations(2))
        .chain(combinations(3))
        .filter(|token| seen.insert(token.clone()))
        .take(size)
        .collect();
    // A pad id beyond the tokens there are cannot be kept; padding is masked, so its choice changes nothing.
    if let Some(pad) = pad_token_id.and_then(|id| usize::try_from(id).ok()).filter(|&id| id < tokens.len()) {
        tokens.swap(0, pad);
    }
    tokens
}

/// Letters and digits at the start of a word and inside it, then punctuation, which is always a word of its own.
fn characters() -> impl Iterator<Item = String> {
    let plain = || LETTERS.iter().chain(DIGITS).copied().map(char::from);
    let inside = plain().map(|c| format!("##{c}"));
    plain().map(String::from).chain(inside).chain(PUNCTUATION.iter().map(|&c| char::from(c).to_string()))
}

/// Whole words and pieces of words.
fn words() -> impl Iterator<Item = String> {
    let pieces = PIECES.split_whitespace().map(|piece| format!("##{piece}"));
    pieces.chain(WORDS.split_whitespace().map(str::to_owned))
}

/// All strings of `length` letters, the likely first by the summed ranks of their letters, each both inside a word and
/// at its start.
fn combinations(length: u32) -> impl Iterator<Item = String> {
    let count = LETTERS.len();
    let ranks = move |index: usize| (0..length).map(move |place| index / count.pow(place) % count);
    let mut order: Vec<usize> = (0..count.pow(length)).collect();
    order.sort_by_key(|&index| (ranks(index).sum::<usize>(), index));
    order.into_iter().flat_map(move |index| {
        let letters: String = ranks(index).map(|rank| char::from(LETTERS[rank])).collect();
        [format!("##{letters}"), letters]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary_has_no_doubles_and_the_size_asked_for() {
        for size in [SMALLEST_VOCABULARY, 120, 1000, 5000, 30522] {
            let tokens = vocabulary(size, Some(0));
            assert_eq!(tokens.len(), size);
            assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), size);
            assert_eq!(tokens[..5], SPECIAL);
        }
        // There are only so many triples of letters; the rest of a larger table stays unused.
        assert!(vocabulary(100_000, None).len() < 40_000);
    }

    #[test]
    fn smaller_vocabularies_are_the_beginning_of_larger_ones() {
        let large = vocabulary(30522, None);
        assert_eq!(vocabulary(300, None), large[..300]);
        assert!(large.contains(&"##ing".to_owned()) && large.contains(&"the".to_owned()));
    }

    #[test]
    fn padding_stands_where_the_configuration_wants_it() {
        let tokens = vocabulary(200, Some(3));
        assert_eq!(tokens[..5], ["[SEP]", "[UNK]", "[CLS]", "[PAD]", "[MASK]"]);
        let text = String::from_utf8(tokenizer_json(200, Some(3)).expect("is large enough")).expect("JSON is UTF-8");
        assert!(text.contains(r#"{"id":3,"content":"[PAD]""#) && text.contains(r#""sep":["[SEP]",0]"#), "{text}");
    }

    #[test]
    fn too_few_tokens_are_refused_with_both_numbers() {
        let error = tokenizer_json(SMALLEST_VOCABULARY - 1, None).expect_err("too small").to_string();
        assert!(error.contains("76") && error.contains("77"), "{error}");
    }
}
