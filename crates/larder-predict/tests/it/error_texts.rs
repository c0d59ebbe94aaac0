//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_data::{DataError, Format, InputFormat};
use larder_errors::testing::texts;
use larder_predict::{InputError, PredictError};
use larder_run::RunError;

#[test]
fn predictions() {
    use PredictError::*;
    let examples = [
        Run(RunError::UnknownRun { run: "mine".to_owned(), folder: "runs".into(), known: vec![] }),
        Input(InputError::Exists { path: "out.csv".into() }),
    ];
    let notes = |error: &PredictError| {
        let hint = error.hint().map(|hint| format!("hint: {hint}"));
        [format!("class: {:?}", error.class())].into_iter().chain(hint).collect()
    };
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, notes));
}

#[test]
fn files_of_rows() {
    use InputError::*;
    let path = PathBuf::from("rows.csv");
    let examples = [
        UnknownFormat { path: "rows.data".into(), of_words: false },
        UnknownFormat { path: "rows.data".into(), of_words: true },
        Ambiguous { path: "rows.txt".into(), format: Format::Conll },
        Words { path: "rows.conll".into(), format: InputFormat::Conll },
        NoColumn { path: path.clone(), format: Format::Csv, holds: "texts", flag: "--text-column" },
        ColumnKind {
            path: path.clone(),
            flag: "--text-column",
            given: "text".to_owned(),
            reason: "the file has no header: give a zero-based position",
        },
        UselessFlag { path: path.clone(), flag: "--separator", format: InputFormat::Csv },
        Data {
            source: Box::new(DataError::AmbiguousColumn { path: path.clone(), column: "text".to_owned() }),
            hint: "\n  `--text-column` says which column to read".to_owned(),
        },
        Formats {
            input: path.clone(),
            input_format: InputFormat::Csv,
            output: "out.jsonl".into(),
            output_format: InputFormat::Jsonl,
        },
        CompressedOutput { output: "out.csv.gz".into() },
        LinesWithOutput { path: "rows.txt".into() },
        Taken { path: path.clone(), column: "prediction".to_owned() },
        Unquoted { path: path.clone(), answer: "a, b".to_owned(), format: Format::Csv },
        Exists { path: "out.csv".into() },
        Write { path, source: std::io::ErrorKind::StorageFull.into() },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}
