//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_encode::EncodeError;
use larder_errors::testing::texts;
use larder_files::FileError;
use larder_intake::EncoderError;
use larder_onnx::OnnxError;
use larder_runtime::RuntimeError;
use larder_store::StoreError;
use larder_tokens::TokensError;

#[test]
fn encoding() {
    use EncodeError::*;
    let (tokens, column) = (PathBuf::from("tokens/train.parquet"), "mean".to_owned());
    let not_finite = || NotFinite { column: "mean".to_owned(), input: 0, start: vec![101, 2023, 102] };
    let found = "pooled".to_owned();
    let examples = [
        Encoder(EncoderError::NotFound { name: "minilm".to_owned(), home: "encoders".into(), known: vec![] }),
        Onnx(OnnxError::NoPooler { layer: 6, possible: "cls and mean can".to_owned() }),
        Onnx(OnnxError::WrongHint { role: "pooler_output", found, candidates: "\"pooler\"".to_owned() }),
        Runtime(RuntimeError::Run { model: "model.onnx".to_owned(), source: "index out of bounds".into() }),
        File(FileError::Locked { path: "features".into() }),
        Store(StoreError::Range { path: tokens.clone(), first: 2, end: 4, rows: 3 }),
        Tokens(TokensError::Stride { stride: 200, most: 126, max_tokens: 128 }),
        NoOpeningToken { encoder: "t5".to_owned(), column: "cls_l4".to_owned() },
        Row {
            tokens: tokens.clone(),
            row: 3,
            example_id: "dev-3".to_owned(),
            problem: "has 600 tokens, and the encoder reads 512".to_owned(),
        },
        RowVectors { tokens: tokens.clone(), row: 3, example_id: "dev-3".to_owned(), problem: Box::new(not_finite()) },
        not_finite(),
        HalfOverflow { column: column.clone(), value: 70000.0 },
        OutputShape { column, found: vec![2, 768], expected: vec![2, 384] },
        Layer { asked: 9, last: 6, count: 7 },
        Tagging { tokens: tokens.clone() },
        NoWords { tokens: tokens.clone() },
        NoDocuments { tokens },
        NoPairs { tokens: "dev.parquet".into() },
        PairWindows { tokens: "dev.parquet".into() },
        Stopped,
        Unreadable { sentence: 2, problem: "has no word".to_owned() },
    ];
    let notes = |error: &EncodeError| {
        let hint = error.hint().map(|hint| format!("hint: {hint}"));
        [format!("class: {:?}", error.class())].into_iter().chain(hint).collect()
    };
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, notes));
}
