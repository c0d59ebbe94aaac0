//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_data::DataError;
use larder_errors::testing::texts;
use larder_store::StoreError;
use larder_tokens::{TokenizeStageError, TokensError};

#[test]
fn tokenizers() {
    use TokensError::*;
    let path = PathBuf::from("encoder/tokenizer.json");
    let examples = [
        Read { path: path.clone(), source: std::io::ErrorKind::NotFound.into() },
        Malformed { path: path.clone(), source: serde_json::from_str::<u8>("{\n  ]").unwrap_err() },
        Template { path: path.clone(), problem: "it names no special token \"[CLS]\"".to_owned() },
        Contradiction { path: path.clone(), problem: "no token is called \"##a\"".to_owned() },
        NoSpecialTokens { path: path.clone(), found: "absent" },
        Vocabulary { path: path.clone(), tokens: 0, largest: 0 },
        Encode { path: path.clone(), excerpt: "naïve".to_owned(), source: "no unknown token".into() },
        TextTooLong { characters: 3_000_000_000 },
        MaxTokensTooSmall { max_tokens: 2, special_tokens: 2, texts: 1 },
        Stride { stride: 200, most: 126, max_tokens: 128 },
        TypeBeyondTable { of: "pairs of texts", type_id: 2, rows: 2 },
        TokenBeyondTable { token: "<image_soft_token>".to_owned(), id: 262144, rows: 262144 },
        InBatch { entry: 7, excerpt: "A text".to_owned(), source: Box::new(TextTooLong { characters: 3_000_000_000 }) },
        DoesNotFit { path, largest_id: 50264, token: "<mask>".to_owned(), embedding_rows: 30522 },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}

#[test]
fn the_stage() {
    use TokenizeStageError::*;
    let examples = [
        Data(DataError::Empty { path: "train.tsv".into() }),
        Text {
            split: "train".to_owned(),
            example_id: "train-3".to_owned(),
            place: "line 4".to_owned(),
            source: Box::new(TokensError::TextTooLong { characters: 3_000_000_000 }),
        },
        Store(StoreError::Range { path: "tokens/train.parquet".into(), first: 2, end: 4, rows: 3 }),
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/stage.rs"), &examples, |_| vec![]));
}
