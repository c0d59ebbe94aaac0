//! Making an encoder with random weights: for tests, benchmarks, and training from scratch.

use std::path::PathBuf;

use larder_files::Home;
use larder_onnx::{EncoderConfig, Hints, OnnxError, build, random_weights};
use larder_runtime::Runtime;

use crate::EncoderError;
use crate::files::read;
use crate::install::Workshop;
use crate::intake::{AddedEncoder, EncoderParts, PublisherSettings, TokenizerSource};
use crate::manifest::{SourceFile, SourceKind, SourceRecord};
use crate::name::encoder_name;
use crate::publisher::Published;
use crate::source::TokenizerFiles;
use crate::wordpiece::tokenizer_json;

/// A request for an encoder with random weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitRequest {
    /// The `config.json`: sizes and family.
    pub config: PathBuf,
    /// The seed of the random weights. One configuration and seed give the same encoder on every machine.
    pub seed: u64,
    /// The encoder's name; that of the configuration or its folder with `-random` behind it, if left out.
    pub name: Option<String>,
    /// The tokenizer; if left out the one beside the configuration, as [`AddRequest::tokenizer`](crate::AddRequest) has
    /// it; where there is none, a small English one is made that fits the vocabulary.
    pub tokenizer: Option<PathBuf>,
    /// May another encoder of that name be replaced?
    pub replace: bool,
}

/// Makes an encoder with random weights in `home`, checked and probed as an added one is. `progress` hears what is
/// being done.
///
/// # Errors
/// [`EncoderError`]; [`EncoderError::VocabularyTooSmall`] where a tokenizer has to be made and cannot. `home` is then
/// what it was before.
pub fn init(
    home: &Home,
    runtime: &Runtime,
    request: &InitRequest,
    progress: &mut dyn FnMut(&str),
) -> Result<AddedEncoder, EncoderError> {
    let path = &request.config;
    let name = match &request.name {
        Some(given) => encoder_name(Some(given), path)?,
        None => format!("{}-random", encoder_name(None, path)?),
    };
    let wrong = |source: OnnxError| EncoderError::Model { path: path.clone(), source };
    let text = read(path)?;
    let config = EncoderConfig::from_json(&text).map_err(wrong)?;
    let mut notes = Vec::new();
    let files = request.tokenizer.clone().map(TokenizerFiles::Json).or_else(|| TokenizerFiles::beside(path));
    let (tokenizer, tokenizer_files) = match files {
        Some(files) => {
            notes.extend(files.note());
            files.load(Some(&text), &mut notes)?
        }
        None => {
            notes.push(format!("made a tokenizer for vocab_size {}", config.vocab_size));
            (TokenizerSource::Made(tokenizer_json(config.vocab_size, config.pad_token_id)?), Vec::new())
        }
    };

    let workshop = Workshop::wait_and_open(home)?;
    progress(&format!("drawing weights from seed {}", request.seed));
    let weights = random_weights(&config, request.seed).map_err(wrong)?;
    let model = build(&config, &weights).map_err(wrong)?;
    drop(weights);
    let (model, model_bytes) = model.encoded().map_err(wrong)?;
    let mut files = vec![SourceFile::of(path, &text)];
    files.extend(tokenizer_files);
    let parts = EncoderParts {
        name,
        replace: request.replace,
        model_path: path.clone(),
        model_bytes,
        model,
        tokenizer,
        config: Some((path.clone(), text)),
        published: PublisherSettings::Folder(Published::default()),
        hints: Hints::default(),
        constant_inputs: Vec::new(),
        source: SourceRecord {
            kind: SourceKind::Init,
            files,
            seed: Some(request.seed),
            unused_weights: Vec::new(),
            hub: None,
        },
        notes,
    };
    parts.install(home, &workshop, runtime, progress)
}
