//! The text of every error, as users read it.

use std::path::Path;

use larder_errors::testing::texts;
use larder_files::FileError;
use larder_graphs::{GraphsError, HeadInput, Precision};
use larder_onnx::{OnnxError, Pool};
use safetensors::SafeTensorError;

#[test]
fn training_graphs() {
    use GraphsError::*;
    let (node, op_type, tensor) = ("/layer.0/Erf".to_owned(), "Erf".to_owned(), "layer.0.bias".to_owned());
    let examples = [
        Model { source: OnnxError::NoOutputs },
        Opset { found: 11, expected: 17..=21 },
        UnsupportedOperator {
            node: node.clone(),
            op_type: "NonZero".to_owned(),
            domain: String::new(),
            tensor: tensor.clone(),
            supported: "Add, Erf, MatMul".to_owned(),
        },
        UnsupportedForm {
            node: node.clone(),
            op_type: "Softmax".to_owned(),
            problem: "it runs over axis 1".to_owned(),
            supported: "the last axis",
        },
        NeedsOpset { node: node.clone(), op_type: "ReduceMax".to_owned(), needed: 18, found: 17 },
        MissingOperand { node: node.clone(), op_type: op_type.clone(), side: "input", index: 0 },
        NoFact { tensor: tensor.clone() },
        GradientShape {
            node: node.clone(),
            op_type: op_type.clone(),
            index: 0,
            expected: "[batch, 384]".to_owned(),
            found: "[384]".to_owned(),
        },
        NotAFloat { tensor: "input_ids".to_owned(), found: "int64".to_owned() },
        NoTensor { tensor: tensor.clone(), role: "a loss" },
        SeedShape {
            role: "the gradient",
            tensor: "seed".to_owned(),
            of: tensor.clone(),
            expected: "[384]".to_owned(),
            found: "[]".to_owned(),
        },
        NoKernel { node, op_type, opset: 22, device: "CUDA" },
        NoParameter { parameter: tensor },
        NoFeatures { input: HeadInput::Pooled(Pool::Pooler), output: "pooler_output" },
        TokenLoss,
        NoLayer { layer: 6, layers: 6 },
        NotBuilt,
        Checkpoint { source: SafeTensorError::ValidationOverflow },
        File(FileError::io("write", Path::new("graphs/model.onnx"))(std::io::ErrorKind::PermissionDenied.into())),
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
    insta::assert_snapshot!("precision", "f8".parse::<Precision>().unwrap_err());
}
