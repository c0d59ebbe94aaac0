//! The text of every error, as users read it.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_files::FileError;
use larder_onnx::{OnnxError, Unrecognised};
use prost::Message;
use safetensors::SafeTensorError;

fn not_found() -> io::Error {
    ErrorKind::NotFound.into()
}

#[test]
fn models() {
    use OnnxError::*;
    let (path, tensor) = (PathBuf::from("encoder/model.onnx"), "embeddings.weight".to_owned());
    let known = "\"logits\", \"last_hidden_state\"".to_owned();
    let malformed = larder_onnx::proto::ModelProto::decode(&[0xff][..]).unwrap_err();
    let json = serde_json::from_str::<u8>("{").unwrap_err();
    let shape = || vec![30522, 384];
    let examples = [
        Read { path: path.clone(), source: not_found() },
        InFile { path: path.clone(), source: Box::new(NoGraph) },
        Save { source: FileError::io("write", &path)(ErrorKind::PermissionDenied.into()) },
        NotProtobuf { bytes: 1, source: malformed },
        NoGraph,
        NoOutputs,
        NoOperator { node: "#3".to_owned() },
        DanglingInput { node: "/layer.0/Add".to_owned(), op_type: "Add".to_owned(), tensor: tensor.clone() },
        NoTensor { tensor: tensor.clone(), known: known.clone() },
        DuplicateTensor { tensor: tensor.clone(), first: "node \"a\"".to_owned(), second: "node \"b\"".to_owned() },
        Cycle { nodes: "\"a\", \"b\"".to_owned() },
        Function { function: "local.Gelu".to_owned(), problem: "calls itself".to_owned() },
        NoOpset { domain: "com.microsoft".to_owned(), known: "\"\"".to_owned() },
        TooLarge { bytes: 3_000_000_000 },
        ExternalData { tensor: tensor.clone(), location: "model.data".to_owned() },
        ExternalLocation { tensor: tensor.clone(), location: "../model.data".to_owned() },
        ExternalLink { tensor: tensor.clone(), path: "encoder/model.data".into(), target: "elsewhere/blob".into() },
        ExternalEntry { tensor: tensor.clone(), key: "offset", found: "-1".to_owned() },
        ExternalRead { tensor: tensor.clone(), path: "encoder/model.data".into(), source: not_found() },
        ExternalRange { tensor: tensor.clone(), path: "encoder/model.data".into(), offset: 64, length: 128, size: 100 },
        ExternalSize {
            tensor: tensor.clone(),
            path: "encoder/model.data".into(),
            dims: vec![4, 8],
            expected: 128,
            found: 64,
        },
        TensorDtype { tensor: tensor.clone(), expected: "int64", found: "float32".to_owned() },
        TensorSize { tensor: tensor.clone(), dims: vec![4, 8], expected: 32, found: 31 },
        WeightsFormat { source: SafeTensorError::HeaderTooSmall },
        MissingWeight { name: tensor.clone(), expected: shape(), near: "\"embedding.weight\"".to_owned() },
        WeightShape { name: tensor.clone(), expected: shape(), found: vec![30522, 768] },
        WeightDtype { name: tensor, found: "I64".to_owned() },
        Untrainable { problem: "it has no attention mask".to_owned(), mend: "export it with one" },
        ConfigJson { source: json },
        ConfigValue { key: "hidden_act", found: "\"swish2\"".to_owned(), supported: "gelu, relu".to_owned() },
        NoInput { role: "attention_mask", candidates: "\"ids\" int64 [batch, seq]".to_owned() },
        Ambiguous { role: "last_hidden_state", candidates: known.clone() },
        UnsupportedInput { input: "pixels".to_owned(), found: "uint8 [batch, 3, 224, 224]".to_owned() },
        UnknownInput { input: "lang".to_owned(), found: "int64 [batch]".to_owned() },
        WrongHint { role: "pooler_output", found: "pooled".to_owned(), candidates: known },
        IntegerOutputs { outputs: "sentence_embedding (uint8 [batch, 384])".to_owned() },
        NothingAsked,
        NotPublished { layer: 3 },
        LayerNotFound { layer: 3, possible: "layers 0 and 6 can".to_owned() },
        NoPooler { layer: 3, possible: "layer 6 has one".to_owned() },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}

#[test]
fn unrecognised_encoders() {
    use Unrecognised::*;
    let examples = [
        NoLayers,
        Quantised,
        Products { layer: 2, found: 5 },
        Layer { layer: 2, what: "its attention has no softmax" },
        Embeddings("no table of words"),
        Mismatch("layers differ in heads or activation".to_owned()),
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/recognise.rs"), &examples, |_| vec![]));
}
