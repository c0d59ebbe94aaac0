//! What these tests share: a home, a tiny BERT, and ways to change its graph.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use larder_files::Home;
use larder_intake::{AddRequest, AddedEncoder, Encoder, EncoderError, InitRequest, add, init};
use larder_onnx::Model;
use larder_onnx::proto::GraphProto;
use larder_runtime::{Runtime, RuntimeError};
use tempfile::TempDir;

/// Large enough for probe texts and a made tokenizer, small enough to run in milliseconds.
pub const TINY: &str = r#"{"model_type": "bert", "vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 64}"#;

/// The runtime that `just setup` installed or `ORT_DYLIB_PATH` names; `None`, loudly, if there is none.
pub fn runtime() -> Option<Runtime> {
    match Runtime::load(None) {
        Ok(runtime) => Some(runtime),
        Err(problem @ RuntimeError::NoLibrary { .. }) => {
            eprintln!("SKIPPED: {problem}");
            None
        }
        Err(problem) => panic!("{problem}"),
    }
}

/// A home and a place for sources, gone at the end of the test.
pub struct Bench {
    root: TempDir,
    pub home: Home,
    pub runtime: Runtime,
}

impl Bench {
    pub fn new() -> Option<Self> {
        let runtime = runtime()?;
        let root = tempfile::tempdir().expect("a folder");
        let home = Home::new(root.path().join("home"));
        Some(Self { root, home, runtime })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    pub fn init(&self, name: &str, seed: u64, config: &str) -> Result<AddedEncoder, EncoderError> {
        let config = self.write(&format!("{name}.config/config.json"), config);
        let request = InitRequest { config, seed, name: Some(name.to_owned()), ..InitRequest::default() };
        init(&self.home, &self.runtime, &request, &mut |_| ())
    }

    pub fn tiny(&self, name: &str) -> Encoder {
        self.init(name, 7, TINY).expect("a tiny BERT").encoder
    }

    pub fn add(&self, request: &AddRequest) -> Result<AddedEncoder, EncoderError> {
        add(&self.home, &self.runtime, request, &mut |_| ())
    }

    /// Adds a changed copy of the tiny BERT's `.onnx` file.
    pub fn add_changed(&self, change: impl FnOnce(Model) -> Model) -> Result<AddedEncoder, EncoderError> {
        let source = self.changed(change);
        self.add(&AddRequest { source, name: Some("changed".to_owned()), ..AddRequest::default() })
    }

    /// The path of a changed copy of the tiny BERT, its tokenizer beside it.
    pub fn changed(&self, change: impl FnOnce(Model) -> Model) -> PathBuf {
        let tiny = match Encoder::open(&self.home, "tiny") {
            Ok(encoder) => encoder,
            Err(_) => self.tiny("tiny"),
        };
        let model = change(tiny.model().expect("is whole"));
        let path = self.write("changed/model.onnx", model.to_bytes().expect("is small"));
        std::fs::copy(tiny.tokenizer_path(), path.with_file_name("tokenizer.json")).expect("a copy");
        path
    }

    /// What lies among the encoders, hidden names included.
    pub fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home.encoders()).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// An error with all its sources, one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Gives every tensor of a graph a name that says nothing.
pub fn without_names(model: Model) -> Model {
    let mut model = model;
    for key in ["larder.family", "larder.hidden_states", "larder.heads", "larder.max_positions", "larder.pooler_output"]
    {
        model.set_metadata(key, None);
    }
    let mut names: HashMap<String, String> = HashMap::new();
    let mut rename = |name: &mut String| {
        if !name.is_empty() {
            let next = format!("onnx::T_{}", names.len());
            *name = names.entry(name.clone()).or_insert(next).clone();
        }
    };
    model
        .edited(|graph| {
            for node in &mut graph.node {
                node.name = None;
                node.input.iter_mut().chain(&mut node.output).for_each(&mut rename);
            }
            let infos = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
            infos.filter_map(|info| info.name.as_mut()).for_each(&mut rename);
            graph.initializer.iter_mut().filter_map(|tensor| tensor.name.as_mut()).for_each(&mut rename);
            Ok(())
        })
        .expect("the graph is the same")
}

/// Changes the graph.
pub fn edited(model: Model, edit: impl FnOnce(&mut GraphProto)) -> Model {
    model
        .edited(|graph| {
            edit(graph);
            Ok(())
        })
        .expect("the graph still hangs together")
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
}
