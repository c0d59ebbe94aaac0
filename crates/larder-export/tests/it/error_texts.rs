//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_export::ExportError;
use larder_onnx::OnnxError;
use larder_run::RunError;

#[test]
fn exports() {
    use ExportError::*;
    let (path, encoder) = (PathBuf::from("out"), "minilm".to_owned());
    let differs = |example: Option<&str>| Differs {
        differences: "the largest difference of a probability from the run's is 2.5e-1, and 2 answers differ"
            .to_owned(),
        allowed: 1e-4,
        rows: 64,
        example: example.map(str::to_owned),
    };
    let examples = [
        Run(RunError::UnknownRun { run: "mine".to_owned(), folder: "runs".into(), known: vec![] }),
        Graph(OnnxError::NoOutputs),
        FixedSizes { encoder: encoder.clone(), sizes: "texts of 128 tokens".to_owned() },
        PairsApart { encoder: encoder.clone() },
        Windows { run: "mine".to_owned(), max_tokens: 512 },
        NotQuantised { encoder, reason: "it has no layers".to_owned() },
        Malformed { path: "out/tokenizer.json".into(), problem: "it is no JSON object".to_owned() },
        NotEmpty { path: path.clone() },
        NotAnExport { path },
        differs(Some("red green")),
        differs(None),
    ];
    let notes = |error: &ExportError| {
        let hint = error.hint().map(|hint| format!("hint: {hint}"));
        [format!("class: {:?}", error.class())].into_iter().chain(hint).collect()
    };
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, notes));
}
