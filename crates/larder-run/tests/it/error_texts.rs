//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_data::{DataError, Names, Task};
use larder_encode::EncodeError;
use larder_errors::testing::texts;
use larder_files::FileError;
use larder_finetune::TuneError;
use larder_intake::EncoderError;
use larder_metrics::MetricsError;
use larder_run::RunError;
use larder_run::tasks::ScoredRole;
use larder_runtime::RuntimeError;
use larder_store::{Level, StoreError};
use larder_tokens::{TokenizeStageError, TokensError};
use larder_train::TrainError;

#[test]
fn runs() {
    use RunError::*;
    let (run, spec) = ("mine".to_owned(), PathBuf::from("cola.toml"));
    let features = PathBuf::from("features/cola/minilm/sentence-f32/train.parquet");
    let not_finite = || EncodeError::NotFinite { column: "mean".to_owned(), input: 0, start: vec![101, 2023, 102] };
    let known = Names::new(["train", "dev"]);
    let examples = [
        Data(DataError::UnknownSplit { spec: spec.clone(), split: "trian".to_owned(), known }),
        Tokenize(TokenizeStageError::Data(DataError::Empty { path: "train.tsv".into() })),
        Text(TokensError::TextTooLong { characters: 3_000_000_000 }),
        EncoderError::NotFound { name: "minilm".to_owned(), home: "encoders".into(), known: vec![] }.into(),
        EncodeError::Layer { asked: 9, last: 6, count: 7 }.into(),
        Runtime(RuntimeError::Run { model: "model.onnx".to_owned(), source: "index out of bounds".into() }),
        File(FileError::Locked { path: "runs/.mine.tuning".into() }),
        Store(StoreError::Range { path: features.clone(), first: 2, end: 4, rows: 3 }),
        TrainError::Diverged { columns: "mean".to_owned(), c: 1e6, objective: f64::INFINITY }.into(),
        TuneError::NoExamples.into(),
        NoCalibration { run: run.clone(), why: "there are 2 training rows; train on more rows".to_owned() },
        OldCalibration { run: run.clone() },
        BrokenCalibration { run: run.clone(), problem: "it is of another training".to_owned() },
        Coverage { run: run.clone(), source: MetricsError::FewCalibrationRows { coverage: 0.9, rows: 5, needed: 9 } },
        NoSetsOfLabels { run: run.clone() },
        ScoreBelow { run: run.clone(), split: "dev".to_owned(), score: "mcc".to_owned(), value: 0.25, least: 0.8 },
        UnknownScore { score: "mmc".to_owned(), known: Names::new(["accuracy", "mcc"]) },
        WhichEncoder { known: Names::new(Vec::<String>::new()) },
        WhichEncoder { known: Names::new(["bert", "minilm"]) },
        OtherHead { spec: spec.clone(), task: Task::Sequence, head: "crf".to_owned(), known: vec!["logistic", "mlp"] },
        ScoredColumns {
            role: ScoredRole::Gold,
            error: Box::new(DataError::MissingColumn {
                path: "answers.csv".into(),
                column: "labels".to_owned(),
                known: Names::new(["text", "label"]),
            }),
        },
        ScoredColumns { role: ScoredRole::Predicted, error: Box::new(DataError::Empty { path: "answers.csv".into() }) },
        TagColumns { gold: vec!["1".to_owned()], predicted: vec![] },
        FilesNotScored { task: Task::Sequence },
        Metrics(MetricsError::NoRows),
        UnknownRun { run: run.clone(), folder: "runs".into(), known: vec![] },
        UnknownRun { run: run.clone(), folder: "runs".into(), known: vec!["a".to_owned(), "b".to_owned()] },
        DatasetGone { run: run.clone(), path: spec.clone() },
        OtherTask { run: run.clone(), expected: Task::Sequence, spec: spec.clone(), found: Task::Tagging },
        NoLabels { spec: spec.clone(), task: Task::Sequence },
        NoLabels { spec: spec.clone(), task: Task::Tagging },
        NoTrainSplit {
            spec: spec.clone(),
            split: "train".to_owned(),
            known: vec!["dev".to_owned(), "test".to_owned()],
        },
        NoLabel { features: features.clone(), row: 3 },
        UnknownLabel {
            features: features.clone(),
            row: 3,
            label: "neutral".to_owned(),
            known: vec!["negative".to_owned(), "positive".to_owned()],
        },
        WrongLevel { spec, task: Task::Tagging, found: Level::Sentence, expected: Level::Word },
        BrokenSentences { features, row: 3, found: 2, expected: 1 },
        RunVersion { path: "runs/mine/run.json".into(), found: 9, expected: larder_run::RUN_VERSION },
        WrongTask { run: run.clone(), found: Task::Sequence, expected: Task::Tagging },
        EncoderChanged {
            run: run.clone(),
            encoder: "minilm".to_owned(),
            recorded: "aa11".to_owned(),
            found: "bb22".to_owned(),
        },
        BrokenTunedEncoder { run: run.clone(), problem: "its manifest is missing".to_owned() },
        BrokenRun { run },
        ExportedOutput { output: "logits".to_owned(), found: "float32 [2, 3]".to_owned(), expected: vec![2, 2] },
        Unreadable { problem: "has no word".to_owned() },
        NoVector { text: "red green".to_owned(), source: Box::new(not_finite()) },
    ];
    let notes = |error: &RunError| {
        let hint = error.hint().map(|hint| format!("hint: {hint}"));
        [format!("class: {:?}", error.class())].into_iter().chain(hint).collect()
    };
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, notes));
}
