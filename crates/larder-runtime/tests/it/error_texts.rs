//! The text of every error, as users read it.

use std::path::PathBuf;
use std::sync::Arc;

use larder_errors::testing::texts;
use larder_runtime::{Attempt, CudaProblem, Device, ElementType, LibraryProblem, Origin, RuntimeError, SetupError};

#[test]
fn runtime() {
    use RuntimeError::*;
    let (path, model, name) = (PathBuf::from("lib/libonnxruntime.so"), "model.onnx".to_owned(), "input_ids".to_owned());
    let known = || vec!["input_ids".to_owned(), "attention_mask".to_owned()];
    let tried = |origins: &[Origin]| NoLibrary {
        tried: origins
            .iter()
            .map(|&origin| Attempt { origin, path: path.clone(), problem: LibraryProblem::NotFound })
            .collect(),
    };
    let memory = |is_limit| Memory {
        what: "a session of the encoder `bert-large`".to_owned(),
        least: 1_340_000_000,
        left: 512 << 20,
        is_limit,
        way_out: "take a smaller encoder, or its 8-bit copy (`larder encoder quantise`)",
    };
    let examples = [
        tried(&[Origin::Explicit]),
        tried(&[Origin::Environment]),
        tried(&[Origin::CudaSetup, Origin::PythonPackage, Origin::Setup, Origin::Executable, Origin::System]),
        AlreadyLoaded { loaded: path.clone(), asked: "other/libonnxruntime.so".into() },
        Start { path: path.clone(), source: "no environment".into() },
        CudaUnavailable { problem: CudaProblem::NoDevice { code: 100 } },
        memory(false),
        memory(true),
        CpuUnavailable { path, problem: "a probe model gave [0.0]".to_owned() },
        Load { model: model.clone(), source: "no such operator".into() },
        Run { model: model.clone(), source: "index out of bounds".into() },
        UnknownName { model: model.clone(), side: "output", name: "logits".to_owned(), known: known() },
        UnknownName { model: model.clone(), side: "output", name: "logits".to_owned(), known: vec![] },
        DuplicateName { model: model.clone(), side: "input", name: name.clone() },
        MissingInput { model: model.clone(), name: name.clone(), known: known() },
        WrongType {
            model: model.clone(),
            name: name.clone(),
            expected: ElementType::Int64,
            found: ElementType::Float32,
        },
        WrongShape { model: model.clone(), name: name.clone(), expected: vec![None, Some(128)], found: vec![2, 16] },
        WrongLength { model: model.clone(), name: name.clone(), shape: vec![2, 16], expected: Some(32), len: 31 },
        WrongLength { model: model.clone(), name, shape: vec![usize::MAX, 2], expected: None, len: 31 },
        UnsupportedOutput { model, name: "texts".to_owned(), dtype: ElementType::Unsupported },
    ];
    let class = |error: &RuntimeError| vec![format!("class: {:?}", error.class())];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, class));
}

#[test]
fn libraries() {
    use LibraryProblem::*;
    let examples = [
        NotFound,
        EmptyFolder,
        NotLoadable(libloading::Error::DlOpenUnknown),
        NotOnnxRuntime,
        TooOld { version: "1.20.0".to_owned() },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}

#[test]
fn set_up() {
    use SetupError::*;
    let python = "python3".to_owned();
    let examples = [
        NoFolder,
        NoPython { tried: vec!["/usr/bin/python3".to_owned(), python.clone()] },
        Start { python, source: std::io::Error::other("no space left") },
        Failed { said: "runtime: pip could not download onnxruntime==1.31.1; nothing was installed".to_owned() },
    ];
    let class = |error: &SetupError| vec![format!("class: {:?}", error.class())];
    insta::assert_snapshot!(texts(include_str!("../../src/setup.rs"), &examples, class));
}

#[test]
fn devices() {
    use CudaProblem::*;
    let examples = [
        NotInBuild { library: "lib/libonnxruntime.so".to_owned() },
        Replaced { library: "lib/libonnxruntime.so".to_owned() },
        NoDriver { driver: "libcuda.so.1" },
        NoDevice { code: 100 },
        NoOrdinal { ordinal: 2, count: 2 },
        Library { source: Arc::from(Box::from("libcudnn.so.9 cannot be opened")) },
        Probe { source: Arc::from(Box::from("no kernel image")) },
        WrongNumbers { found: vec![0.0, 1.0] },
    ];
    let way_out = |problem: &CudaProblem| vec![format!("way out: {}", problem.way_out())];
    insta::assert_snapshot!(texts(include_str!("../../src/cuda_problem.rs"), &examples, way_out));
    insta::assert_snapshot!("device", "tpu".parse::<Device>().unwrap_err());
}
