//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_files::FileError;
use larder_metrics::MetricsError;
use larder_train::TrainError;
use safetensors::SafeTensorError;

#[test]
fn training() {
    use TrainError::*;
    let (path, column) = (PathBuf::from("runs/mine/head.json"), "mean".to_owned());
    let tensors = PathBuf::from("runs/mine/head.safetensors");
    let examples = [
        NoColumns,
        EmptyColumn { column: column.clone() },
        DuplicateColumn { column: column.clone() },
        RowMismatch { column: column.clone(), found: 90, expected: 100 },
        NonFinite { column: column.clone(), row: 3, dimension: 17, value: f32::NAN },
        TooFewClasses { found: 1 },
        LabelOutOfRange { row: 3, label: 2, classes: 2 },
        LabelMismatch { found: 90, expected: 100 },
        ClassWithoutRows { classes: vec!["neutral".to_owned(), "mixed".to_owned()] },
        NonFiniteTarget { row: 3, value: f64::NAN },
        ConstantTargets { rows: 90, value: Some(2.5) },
        ConstantTargets { rows: 0, value: None },
        NoDecomposition { columns: "mean (all 7)".to_owned() },
        LabelColumns { found: 27, expected: 28 },
        LabelInEveryRow { labels: vec!["neutral".to_owned()] },
        InvalidC { found: -1.0 },
        EmptyGrid,
        TooFewFolds { found: 1 },
        Diverged { columns: "mean, cls".to_owned(), c: 1e6, objective: f64::INFINITY },
        MissingColumn { column: "cls".to_owned(), found: vec![column.clone(), "pooler".to_owned()] },
        WidthMismatch { column, found: 768, expected: 384 },
        OtherOutput { found: "a number a row", expected: "probabilities" },
        Source { source: "the disk is full".into() },
        WordMismatch { found: 90, expected: 100 },
        NoTags,
        NoEntities { words: 100 },
        IllegalTags { sentence: 3, word: 0, previous: None, tag: "I-person".to_owned() },
        IllegalTags { sentence: 3, word: 2, previous: Some("B-place".to_owned()), tag: "I-person".to_owned() },
        NoHeldOut,
        ClassWeightOfCrf,
        InvalidSteps { epochs: 0, learning_rate: 1e-3 },
        File(FileError::Locked { path: "runs/mine".into() }),
        Io { action: "read", path: path.clone(), source: std::io::ErrorKind::NotFound.into() },
        Json { path: path.clone(), source: serde_json::from_str::<u8>("{").unwrap_err() },
        Safetensors { path: tensors.clone(), source: SafeTensorError::HeaderTooSmall },
        Tensor {
            path: tensors,
            tensor: "weights".to_owned(),
            found: "F32 [2, 768]".to_owned(),
            expected: "F32 [2, 384]".to_owned(),
        },
        Version { path: path.clone(), found: 9, expected: 1 },
        Inconsistent { path, what: "it has 2 classes and 3 biases".to_owned() },
        Metrics(MetricsError::NoRows),
        Setting { setting: "the number of epochs", found: "0".to_owned(), expected: "expected 1 or more" },
        MlpNotFinite { step: 12, what: "loss", value: f64::NAN, rate: 0.1 },
        Graphs(larder_graphs::GraphsError::TokenLoss),
        Run {
            graph: "training graph",
            source: Box::new(larder_runtime::RuntimeError::Run {
                model: "training graph".to_owned(),
                source: "index out of bounds".into(),
            }),
        },
    ];
    let class = |error: &TrainError| vec![format!("class: {:?}", error.class())];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, class));
}
