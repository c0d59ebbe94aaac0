//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_files::FileError;
use larder_finetune::{ConstantOutput, Knobs, Precision as Numbers, SplitOf, TuneError};
use larder_onnx::{Family, OnnxError};
use larder_runtime::RuntimeError;

#[test]
fn fine_tuning() {
    use TuneError::*;
    let path = PathBuf::from("runs/.mine.tuning/last.safetensors");
    let run = || RuntimeError::Run { model: "training graph".to_owned(), source: "index out of bounds".into() };
    let knobs = Knobs { rate: 1e-3, warmup: 0.1, clip: None, family: Family::Bert };
    let examples = [
        Model(OnnxError::NoOutputs),
        Graphs(larder_graphs::GraphsError::TokenLoss),
        Run { graph: "training graph", source: Box::new(run()) },
        Device(Box::new(run())),
        Memory(Box::new(RuntimeError::Memory {
            what: "fine-tuning 335,141,888 parameters".to_owned(),
            least: 12 * 335_141_888,
            left: 2 << 30,
            is_limit: false,
            way_out: "train less of the encoder (`--freeze`, `--from-layer`), or take a smaller one",
        })),
        Precision { precision: Numbers::Bf16, device: "cpu".to_owned(), source: Some(Box::new(run())) },
        File(FileError::Locked { path: "runs/.mine.tuning".into() }),
        Checkpoint { path: path.clone(), problem: "it has no \"larder\" in its metadata".to_owned() },
        OtherRun { path },
        Ended { step: 120, total: 500 },
        NoExamples,
        Example { row: 3, problem: "has no tokens".to_owned() },
        Setting { setting: "the number of epochs", found: "0".to_owned(), expected: "expected 1 or more" },
        UnknownFreeze { found: "head".to_owned() },
        FreezeLayers { first: 0, last: 7, problem: "the encoder has layers 0 to 5".to_owned() },
        Cut { layer: 7, problem: "the encoder has layers 0 to 6".to_owned() },
        NoHiddenStates { layer: 3 },
        UnusedHiddenStates,
        HiddenStates { split: SplitOf::Train, row: 3, tokens: 9, hidden: 384, found: 3072 },
        HiddenStatesRead { split: SplitOf::Dev, row: 3, source: "the file is cut".into() },
        NoPooler,
        Collapsed {
            step: 40,
            answer: Box::new(ConstantOutput::Class(1)),
            rows: 64,
            spread: 1e-7,
            steps: 20,
            loss: 0.6112,
            constant_loss: 0.6109,
            knobs: Knobs { clip: Some(1.0), ..knobs },
        },
        CollapsedAtEnd { step: 80, texts: 16, spread: 1e-7, knobs },
        Unusable { steps: 80, problem: "gives numbers that are not finite".to_owned(), knobs },
        NotFinite {
            step: 12,
            what: "loss",
            value: f64::NAN,
            rate: 1e-3,
            family: Family::Bert,
            least: 2e-5,
            most: 5e-5,
        },
    ];
    let class = |error: &TuneError| vec![format!("class: {:?}", error.class())];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, class));
}
