//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_data::Task;
use larder_describe::DescribeError;
use larder_errors::testing::texts;
use larder_evaluate::EvaluateError;
use larder_files::Change;
use larder_inspect::InspectError;
use larder_onnx::OnnxError;
use larder_pipeline::PipelineError;
use larder_predict::{InputError, PredictError};
use larder_run::RunError;
use larder_runtime::SetupError;
use larder_scale::ScaleError;
use larder_store::Level;
use larder_suggest::SuggestError;

#[test]
fn stages() {
    use PipelineError::*;
    let (spec, path) = (PathBuf::from("cola.toml"), PathBuf::from("features/cola/minilm/word-first-f32/train.parquet"));
    let words = |level| WordVectors { path: path.clone(), column: "embedding".to_owned(), level };
    let examples = [
        Run(RunError::UnknownRun { run: "mine".to_owned(), folder: "runs".into(), known: vec![] }),
        Evaluate(EvaluateError::NotComparable {
            first: "a".to_owned(),
            second: "b".to_owned(),
            why: "their splits differ".to_owned(),
        }),
        Inspect(InspectError::NotParquet { path: path.clone() }),
        Setup(SetupError::NoFolder),
        Predict(PredictError::Input(InputError::Exists { path: "out.csv".into() })),
        Suggest { path: path.clone(), source: SuggestError::NonFinite { row: 7, what: "dimension", position: 3 } },
        OtherEncoder {
            path: path.clone(),
            run: "mine".to_owned(),
            found: "ab12".to_owned(),
            expected: "cd34".to_owned(),
        },
        NoSuggestions { run: "mine".to_owned(), task: Task::Tagging },
        NoReplay { run: "mine".to_owned(), kind: "mlp".to_owned() },
        Describe(DescribeError::Ending { path: "tickets.xlsx".into() }),
        OtherFeatures {
            manifest: "s3://data/a/manifests/00ff.json".to_owned(),
            split: "train".to_owned(),
            changes: vec![Change {
                part: "columns".to_owned(),
                before: Some("mean".to_owned()),
                after: Some("mean,pooler".to_owned()),
            }],
        },
        Scale(ScaleError::NoConditionalPuts { uri: "s3://data/a".to_owned() }),
        MayPass(Box::new(NoEncoderNamed { path: path.clone() })),
        NoEncoderNamed { path: path.clone() },
        Unverifiable { path: path.clone(), why: "its tokens are not there any more".to_owned() },
        WrongVectors {
            features: path.clone(),
            wrong: 2,
            checked: 64,
            row: 17,
            column: "embedding".to_owned(),
            relative: 0.25,
            tolerance: 1e-3,
        },
        words(Level::Word),
        words(Level::Token),
        InitHead { path: "head.safetensors".into(), source: Box::new(OnnxError::NoGraph) },
        CachedRows { features: path, found: 90, expected: 100 },
        SentencesOnly { encoder: "minilm".to_owned() },
        EncoderInUse { encoder: "minilm".to_owned(), runs: vec!["mine-minilm-1".to_owned(), "mine".to_owned()] },
        NothingToJudge { spec: spec.clone() },
        TooFewCompared { spec, compared: 1, asked: 2, refused: vec!["minilm: its model changed".to_owned()] },
    ];
    let notes = |error: &PipelineError| {
        let hint = error.hint().map(|hint| format!("hint: {hint}"));
        [format!("class: {:?}", error.class())].into_iter().chain(hint).collect()
    };
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, notes));
}
