//! Taking in an encoder that somebody published.

use bytes::Bytes;
use std::path::{Path, PathBuf};

use larder_errors::listed;
use larder_files::{Home, digest_file};
use larder_onnx::{ConstantInput, EncoderConfig, Hints, Model, OnnxError, Weights, build, unused_weights};
use larder_runtime::Runtime;

use crate::EncoderError;
use crate::declared::Declared;
use crate::files::{read, read_up_to};
use crate::install::Workshop;
use crate::intake::{AddedEncoder, EncoderParts, PublisherSettings};
use crate::manifest::{SourceFile, SourceKind, SourceRecord};
use crate::name::encoder_name;
use crate::remote::fetch;
use crate::source::{ModelFile, SourceFiles};

/// A request to add an encoder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddRequest {
    /// An `.onnx` file, a folder with one (or with `onnx/model.onnx`), or a folder with `config.json` and
    /// `model.safetensors`. Where a folder has both, the weights are taken if larder can build their graph. A model on a
    /// hub is `hf:ORG/MODEL[@REVISION]`: its files are fetched into the hub's cache, by the same choice. The name of the default
    /// encoder alone is the one that set-up fetched.
    pub source: PathBuf,
    /// The encoder's name; the file's or folder's own, made safe, if left out.
    pub name: Option<String>,
    /// The tokenizer; if left out the `tokenizer.json` beside the model, else one made of the vocabulary's files there.
    pub tokenizer: Option<PathBuf>,
    /// May another encoder of that name be replaced?
    pub replace: bool,
    /// For a model on a hub: use only files that were fetched before.
    pub offline: bool,
}

/// Adds an encoder to `home`: finds its files, builds the graph where only weights are there, checks that tokenizer and
/// model belong together, runs it on a few texts on the CPU, and writes its folder, whole or not at all. `progress`
/// hears what is being done.
///
/// # Errors
/// [`EncoderError`]: each variant says what was wrong with which file. `home` is then what it was before.
pub fn add(
    home: &Home,
    runtime: &Runtime,
    request: &AddRequest,
    progress: &mut dyn FnMut(&str),
) -> Result<AddedEncoder, EncoderError> {
    add_with(home, runtime, request, &Hints::default(), progress)
}

/// As [`add`], with the names of inputs and outputs that can be read in two ways.
///
/// # Errors
/// As [`add`].
pub fn add_with(
    home: &Home,
    runtime: &Runtime,
    request: &AddRequest,
    hints: &Hints,
    progress: &mut dyn FnMut(&str),
) -> Result<AddedEncoder, EncoderError> {
    let remote = match request.source.to_str().filter(|source| source.starts_with(larder_hub::PREFIX)) {
        Some(source) => Some(fetch(source, request.offline, request.tokenizer.is_none(), progress)?),
        None => None,
    };
    let source = remote.as_ref().map_or(request.source.as_path(), |fetched| &fetched.model);
    let mut found = SourceFiles::find(source, request.tokenizer.as_deref())?;
    let given = request.name.as_deref().or(remote.as_ref().map(|fetched| fetched.name.as_str()));
    let name = encoder_name(given, source)?;
    let workshop = Workshop::wait_and_open(home)?;
    let (hub, notes) = remote.map_or((None, Vec::new()), |fetched| (Some(fetched.record), fetched.notes));
    found.notes.splice(0..0, notes);
    found.notes.iter().for_each(|note| progress(note));
    let built = match &found.model {
        ModelFile::Onnx(path) => {
            progress(&format!("reading {}", path.display()));
            read_onnx(path, progress)?
        }
        ModelFile::Safetensors { weights, config } => {
            progress(&format!("building the graph for {}", weights.display()));
            build_graph(weights, config)?
        }
    };
    let config = found.config.map(|path| read(&path).map(|text| (path, text))).transpose()?;
    let (built, constant_inputs) = built.with_constant_inputs(hints, config.as_ref(), found.model.path())?;
    let (tokenizer, tokenizer_files) =
        found.tokenizer.load(config.as_ref().map(|(_, text)| text.as_slice()), &mut found.notes)?;

    let mut files = built.files;
    files.extend(config.as_ref().map(|(path, text)| SourceFile::of(path, text)));
    files.extend(tokenizer_files);
    let parts = EncoderParts {
        name,
        replace: request.replace,
        model_path: found.model.path().to_path_buf(),
        model: built.model,
        model_bytes: built.bytes,
        tokenizer,
        config,
        published: PublisherSettings::Folder(found.published),
        hints: hints.clone(),
        constant_inputs,
        source: SourceRecord { kind: built.kind, files, seed: None, unused_weights: built.unused_weights, hub },
        notes: found.notes.into_iter().chain(built.notes).collect(),
    };
    parts.install(home, &workshop, runtime, progress)
}

/// A model, read or built.
struct Built {
    kind: SourceKind,
    /// To be read: functions of its own are in the place of their calls.
    model: Model,
    /// The bytes of the encoder's `model.onnx`: the file as it was given, unless its data lay beside it, or inputs have
    /// become constants.
    bytes: Bytes,
    /// The files it was made from.
    files: Vec<SourceFile>,
    unused_weights: Vec<String>,
    notes: Vec<String>,
}

impl Built {
    /// Puts the inputs that have one value for every text inside the model, file included.
    fn with_constant_inputs(
        self,
        hints: &Hints,
        config: Option<&(PathBuf, Vec<u8>)>,
        path: &Path,
    ) -> Result<(Self, Vec<ConstantInput>), EncoderError> {
        let type_rows = Declared::new(config, &self.model)?.type_rows;
        let constants = ConstantInput::find(&self.model, hints, type_rows).map_err(wrong(path))?;
        if constants.is_empty() {
            return Ok((self, constants));
        }
        let model = self.model.with_constant_inputs(&constants).map_err(wrong(path))?;
        let (model, bytes) = model.encoded().map_err(wrong(path))?;
        Ok((Self { model, bytes, ..self }, constants))
    }
}

/// The largest protobuf message, in bytes: 2 GiB less one, as its readers count in 32 bits.
const LARGEST_MESSAGE: u64 = i32::MAX as u64;

fn read_onnx(path: &Path, progress: &mut dyn FnMut(&str)) -> Result<Built, EncoderError> {
    let bytes = Bytes::from(read_up_to(path, LARGEST_MESSAGE)?);
    let model = Model::from_bytes(bytes.clone()).map_err(wrong(path))?;
    let mut files = vec![SourceFile::of(path, &bytes)];
    let (kind, unused_weights) = (SourceKind::Onnx, Vec::new());
    if !model.has_external_data() {
        let model = model.inlined().map_err(wrong(path))?;
        return Ok(Built { kind, model, bytes, files, unused_weights, notes: Vec::new() });
    }
    drop(bytes);
    progress("taking in the data that lies beside the model");
    let (model, beside) = model.with_external_data(path).map_err(wrong(path))?;
    for file in &beside {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(SourceFile { name, digest: digest_file(file)? });
    }
    let names = files[1..].iter().map(|file| &file.name);
    let notes = vec![format!("the parameters in {} are kept inside its model.onnx", listed(names))];
    let (model, bytes) = model.encoded().map_err(wrong(path))?;
    let model = model.inlined().map_err(wrong(path))?;
    Ok(Built { kind, model, bytes, files, unused_weights, notes })
}

fn build_graph(path: &Path, config: &Path) -> Result<Built, EncoderError> {
    let text = read(config)?;
    let settings = EncoderConfig::from_json(&text).map_err(wrong(config))?;
    let bytes = read(path)?;
    let weights =
        Weights::from_bytes(&bytes).and_then(|weights| weights.with_names_of(&settings)).map_err(wrong(path))?;
    let files = vec![SourceFile::of(path, &bytes)];
    drop(bytes);
    let model = build(&settings, &weights).map_err(wrong(path))?;
    let unused_weights = unused_weights(&settings, &weights);
    drop(weights);
    let (model, bytes) = model.encoded().map_err(wrong(path))?;
    Ok(Built { kind: SourceKind::Safetensors, model, bytes, files, unused_weights, notes: Vec::new() })
}

fn wrong(path: &Path) -> impl FnOnce(OnnxError) -> EncoderError + use<> {
    let path = path.to_path_buf();
    move |source| EncoderError::Model { path, source }
}
