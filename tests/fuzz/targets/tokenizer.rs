//! Any bytes as a `tokenizer.json`: opened, and asked for the tokens of a few texts.

#![no_main]

use larder_data::Content;
use larder_fuzz::put;
use larder_tokens::{TextWindows, TokenizeSettings, Tokenizer, windows};
use libfuzzer_sys::fuzz_target;

const TEXTS: &[&str] = &["", "a larder", "Über  Größe, naïve 東京!\n", "[CLS] <s> ## ' 's \u{1f}\u{feff}"];

fuzz_target!(|bytes: &[u8]| {
    let path = put("tokenizer.json", bytes);
    let tokenizer = match Tokenizer::load(&path) {
        Ok(tokenizer) => tokenizer,
        Err(error) => return drop(error.to_string()),
    };
    let rows = tokenizer.vocabulary_size();
    assert!(tokenizer.check_fits(rows).is_ok(), "every token has an id below the largest plus one");
    let tokenizer = tokenizer.with_embedding_rows(rows).with_type_rows(Some(2));
    let text =
        |text: &str, text_b: Option<&str>| Content::Text { text: text.to_owned(), text_b: text_b.map(str::to_owned) };
    let words = Content::Words(TEXTS.iter().filter(|text| !text.is_empty()).map(|text| (*text).to_owned()).collect());
    let contents = TEXTS.iter().flat_map(|one| [text(one, None), text(one, Some("b c"))]).chain([words]);
    for content in contents {
        let Ok(tokens) = tokenizer.encode(&content, &TokenizeSettings::default()) else { continue };
        let count = tokens.input_ids.len();
        assert_eq!((tokens.type_ids.len(), tokens.offsets.len(), tokens.word_ids.len()), (count, count, count));
        assert!(tokens.input_ids.iter().all(|id| usize::try_from(*id).is_ok_and(|id| id < rows)), "{tokens:?}");
        let settings = TokenizeSettings { max_tokens: Some(6) };
        match (&content, tokenizer.encode(&content, &settings)) {
            (Content::Text { .. }, Ok(cut)) => assert!(cut.input_ids.len() <= 6, "{cut:?}"),
            (Content::Words(_), Ok(whole)) => {
                assert_eq!(whole.input_ids, tokens.input_ids, "words are never cut");
                let _ = windows(&whole.word_ids, 6, None).map_err(|error| error.to_string());
            }
            (_, Err(error)) => drop(error.to_string()),
        }
    }
    if let Ok(windows) = TextWindows::new(8, tokenizer.special_tokens()) {
        let _ = windows.of(20, 0).map_err(|error| error.to_string());
    }
    let _ = tokenizer
        .lowercased(false)
        .map(|tokenizer| tokenizer.encode(&text("A TEXT", None), &TokenizeSettings::default()).is_ok());
});
