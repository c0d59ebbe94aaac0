//! An encoder on a hub: which of its files are wanted, fetched into the hub's cache.

use std::path::{Path, PathBuf};

use larder_errors::listed;
use larder_hub::{Hub, HubModel, HubSettings, Snapshot};
use larder_onnx::{Family, Model};

use crate::EncoderError;
use crate::files::read;
use crate::manifest::HubRecord;
use crate::publisher::{
    ADAPTER_FILE, MODULES_FILE, Module, SENTENCES_FILE, TOKENIZER_SETTINGS_FILE, is_sentence_config,
};
use crate::recipe::MODULE_WEIGHTS_FILE;
use crate::source::{
    CONFIG_FILE, INDEX_FILE, ONNX_FILE, ONNX_FOLDER, PICKLED, TOKENIZER_FILE, WEIGHTS_FILE, onnx_choice,
};

/// The files that a `tokenizer.json` can be made from, with the settings beside them.
const VOCABULARY_FILES: [&str; 9] = [
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];
/// Files that describe the publisher's pooling, besides each module's own.
const PUBLISHER_FILES: [&str; 4] = [SENTENCES_FILE, TOKENIZER_SETTINGS_FILE, ADAPTER_FILE, "1_Pooling/config.json"];

/// A model's files, fetched.
pub(crate) struct FetchedModel {
    /// The `.onnx` file or the weights, what goes with it beside it.
    pub model: PathBuf,
    /// The model's name, without its owner.
    pub name: String,
    pub record: HubRecord,
    /// Choices the user may want to know about.
    pub notes: Vec<String>,
}

/// Fetches what an encoder is made of: its weights where larder can build their graph, else its ONNX graph with the data
/// beside it; its configuration; its tokenizer, unless `with_tokenizer` says that there is another; its pooling.
///
/// # Errors
/// [`EncoderError::Hub`]; [`EncoderError::HubPickled`], [`EncoderError::HubSplit`], [`EncoderError::HubNoModel`],
/// [`EncoderError::ManyModels`]; [`EncoderError::Model`] for a graph that is none.
pub(crate) fn fetch(
    source: &str,
    offline: bool,
    with_tokenizer: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<FetchedModel, EncoderError> {
    let id: HubModel = source.parse()?;
    let settings = HubSettings::from_env()?;
    let settings = HubSettings { offline: offline || settings.offline, ..settings };
    let snapshot = Hub::new(settings)?.find(&id)?;
    progress(&format!("{id} is at commit {}", snapshot.commit()));

    let mut notes = Vec::new();
    let config = optional(&snapshot, CONFIG_FILE, progress)?.map(|path| read(&path)).transpose()?;
    let chosen = choose(&snapshot, config.as_deref(), &mut notes)?;
    let model = snapshot.fetch(&chosen, progress)?;
    if chosen.ends_with(".onnx") {
        fetch_beside(&snapshot, &chosen, &model, progress)?;
    }
    fetch_publisher(&snapshot, progress)?;
    if with_tokenizer {
        fetch_tokenizer(&snapshot, &chosen, progress)?;
    }
    let (repo, revision, commit) = (id.repo().to_owned(), id.revision().to_owned(), snapshot.commit().to_owned());
    Ok(FetchedModel { model, name: id.name().to_owned(), record: HubRecord { repo, revision, commit }, notes })
}

/// Fetches what says how the publisher makes a vector of a text: settings, and the weights of dense layers.
fn fetch_publisher(snapshot: &Snapshot, progress: &mut dyn FnMut(&str)) -> Result<(), EncoderError> {
    let modules = optional(snapshot, MODULES_FILE, progress)?.map(|path| read(&path)).transpose()?;
    // A list that is none is named where the folder is read.
    let modules = modules.and_then(|text| serde_json::from_slice(&text).ok()).map(|list| Module::list(&list));
    for module in modules.into_iter().flatten().filter(|module| !module.path.is_empty()) {
        optional(snapshot, &format!("{}/config.json", module.path), progress)?;
        if module.is("Dense") {
            optional(snapshot, &format!("{}/{MODULE_WEIGHTS_FILE}", module.path), progress)?;
        }
    }
    for name in PUBLISHER_FILES {
        optional(snapshot, name, progress)?;
    }
    let sentence: Vec<String> =
        snapshot.files().iter().map(|file| file.name.clone()).filter(|name| is_sentence_config(name)).collect();
    sentence.iter().try_for_each(|name| optional(snapshot, name, progress).map(|_| ()))
}

fn optional(snapshot: &Snapshot, name: &str, progress: &mut dyn FnMut(&str)) -> Result<Option<PathBuf>, EncoderError> {
    if snapshot.has(name) { Ok(Some(snapshot.fetch(name, progress)?)) } else { Ok(None) }
}

/// The file with the parameters, chosen as in a folder.
fn choose(snapshot: &Snapshot, config: Option<&[u8]>, notes: &mut Vec<String>) -> Result<String, EncoderError> {
    let place = PathBuf::from(snapshot.model().to_string());
    let onnx = onnx_on(snapshot, &place, notes)?;
    let family = config.map(Family::of_config);
    match (snapshot.has(WEIGHTS_FILE), family, onnx) {
        (true, Some(Ok(_)), other) => {
            notes.extend(other.map(|other| format!("taking {WEIGHTS_FILE}; {other} is there too")));
            Ok(WEIGHTS_FILE.to_owned())
        }
        (true, Some(Err(problem)), Some(onnx)) => {
            notes.push(format!("taking {onnx}, since no graph can be built for {WEIGHTS_FILE}: {problem}"));
            Ok(onnx)
        }
        (_, _, Some(onnx)) => Ok(onnx),
        (true, Some(Err(source)), None) => Err(EncoderError::Model { path: place.join(CONFIG_FILE), source }),
        (true, None, None) => Err(EncoderError::NoConfig { path: place.join(CONFIG_FILE) }),
        (false, _, None) => Err(snapshot.not_cached(WEIGHTS_FILE).map_or_else(|| no_model(snapshot), Into::into)),
    }
}

/// The `.onnx` file of a model, at its top or in the folder `onnx`.
fn onnx_on(snapshot: &Snapshot, place: &Path, notes: &mut Vec<String>) -> Result<Option<String>, EncoderError> {
    for folder in ["", ONNX_FOLDER] {
        let inside = |name: &str| -> Option<String> {
            let name = if folder.is_empty() { name } else { name.strip_prefix(folder)?.strip_prefix('/')? };
            (name.ends_with(".onnx") && !name.contains('/')).then(|| name.to_owned())
        };
        let files: Vec<String> = snapshot.files().iter().filter_map(|file| inside(&file.name)).collect();
        if let Some(name) = onnx_choice(&place.join(folder), &files, notes)? {
            return Ok(Some(if folder.is_empty() { name } else { format!("{folder}/{name}") }));
        }
    }
    Ok(None)
}

fn no_model(snapshot: &Snapshot) -> EncoderError {
    let (model, repo) = (snapshot.model().to_string(), snapshot.model().repo().to_owned());
    let names: Vec<&str> = snapshot.files().iter().map(|file| file.name.as_str()).collect();
    let is_pickle = |name: &&&str| PICKLED.iter().any(|ending| name.ends_with(&format!(".{ending}")));
    let folder = snapshot.model().name().to_owned();
    if names.contains(&INDEX_FILE) {
        return EncoderError::HubSplit { model, repo, folder };
    }
    match names.iter().filter(is_pickle).find(|name| name.contains("model")) {
        Some(file) => EncoderError::HubPickled { model, file: (*file).to_owned(), repo, folder },
        None => EncoderError::HubNoModel { model, found: listed(names), usual: ONNX_FILE },
    }
}

/// Fetches the files that a graph keeps its data in.
fn fetch_beside(
    snapshot: &Snapshot,
    chosen: &str,
    path: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<(), EncoderError> {
    let model =
        Model::from_bytes(read(path)?).map_err(|source| EncoderError::Model { path: path.to_path_buf(), source })?;
    let folder = chosen.rsplit_once('/').map_or("", |(folder, _)| folder);
    for location in model.external_files() {
        let plain = location.trim_start_matches("./");
        let name = if folder.is_empty() { plain.to_owned() } else { format!("{folder}/{plain}") };
        // A name that leaves the folder is none of the listing's; reading the data refuses it with its tensor.
        if snapshot.has(&name) || !plain.contains("..") {
            snapshot.fetch(&name, progress)?;
        }
    }
    Ok(())
}

/// Fetches `tokenizer.json`, else what it can be made of, from beside the model or above its folder.
fn fetch_tokenizer(snapshot: &Snapshot, chosen: &str, progress: &mut dyn FnMut(&str)) -> Result<(), EncoderError> {
    let own = chosen.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut folders = vec![String::new()];
    if !own.is_empty() {
        folders.insert(0, own);
    }
    for folder in &folders {
        if optional(snapshot, &format!("{folder}{TOKENIZER_FILE}"), progress)?.is_some() {
            return Ok(());
        }
    }
    for folder in &folders {
        for name in VOCABULARY_FILES {
            optional(snapshot, &format!("{folder}{name}"), progress)?;
        }
    }
    let made_of = |file: &&str| snapshot.files().iter().any(|there| there.name.rsplit('/').next() == Some(*file));
    match snapshot.not_cached(TOKENIZER_FILE).filter(|_| !VOCABULARY_FILES[..6].iter().any(made_of)) {
        Some(missing) => Err(missing.into()),
        None => Ok(()),
    }
}
