//! Finding the model, tokenizer and configuration in the file or folder that a user names.

use std::path::{Path, PathBuf};

use larder_errors::listed;
use larder_files::Home;
use larder_onnx::Family;
use larder_runtime::{DEFAULT_ENCODER, default_encoder_folder};

use crate::EncoderError;
use crate::files::{names_in, read, read_optional};
use crate::intake::TokenizerSource;
use crate::manifest::SourceFile;
use crate::publisher::Published;
use crate::vocabulary::Vocabulary;

/// The folder of exported `.onnx` files beside a PyTorch model.
pub(crate) const ONNX_FOLDER: &str = "onnx";
/// The file that is meant when several variants lie side by side.
pub(crate) const ONNX_FILE: &str = "model.onnx";
pub(crate) const WEIGHTS_FILE: &str = "model.safetensors";
/// The list of weights that are cut into several files.
pub(crate) const INDEX_FILE: &str = "model.safetensors.index.json";
/// Endings of what PyTorch saves, a Python pickle.
pub(crate) const PICKLED: [&str; 3] = ["bin", "pt", "pth"];
pub(crate) const CONFIG_FILE: &str = "config.json";
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";
/// The file that marks the folder of a larder run.
const RUN_FILE: &str = "run.json";

/// The files that an encoder is made from.
#[derive(Debug)]
pub(crate) struct SourceFiles {
    pub model: ModelFile,
    pub tokenizer: TokenizerFiles,
    pub config: Option<PathBuf>,
    pub published: Published,
    /// Choices the user may want to know about.
    pub notes: Vec<String>,
}

/// The files that the tokenizer is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenizerFiles {
    /// A `tokenizer.json`.
    Json(PathBuf),
    /// The files that a `tokenizer.json` can be made of.
    Vocabulary(Vocabulary),
}

/// The file with the model's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelFile {
    /// A graph and its parameters.
    Onnx(PathBuf),
    /// Parameters alone; the graph is built from `config`.
    Safetensors { weights: PathBuf, config: PathBuf },
}

/// The folder in which set-up put the default encoder, where that is named and no file or folder of the name is here.
fn set_up(path: &Path) -> Option<PathBuf> {
    let is_meant = path == Path::new(DEFAULT_ENCODER) && !path.exists();
    is_meant.then(default_encoder_folder).flatten()
}

impl SourceFiles {
    /// Finds the files in or beside `path`. Of an ONNX graph and weights of a family that larder builds, the weights
    /// are taken: of the graph built from them every layer is known.
    ///
    /// # Errors
    /// [`EncoderError::NoSource`], [`EncoderError::NoModel`], [`EncoderError::ManyModels`],
    /// [`EncoderError::NoConfig`], [`EncoderError::NoTokenizer`], [`EncoderError::Read`]; [`EncoderError::Model`] for a
    /// family that cannot be built where there is no graph either.
    pub fn find(path: &Path, tokenizer: Option<&Path>) -> Result<Self, EncoderError> {
        let set_up = set_up(path);
        let path = set_up.as_deref().unwrap_or(path);
        if !path.exists() {
            return Err(EncoderError::NoSource { path: path.to_path_buf() });
        }
        let mut notes = Vec::new();
        let tuned = tuned_by_run(path)?;
        let path = tuned.as_deref().unwrap_or(path);
        let model = if path.is_dir() { in_folder(path, &mut notes)? } else { single_file(path)? };
        let folders = model.folders();
        let beside = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
        let apart = tokenizer.map(folder_of);
        let tokenizer = match tokenizer {
            Some(given) => TokenizerFiles::Json(given.to_path_buf()),
            None => TokenizerFiles::in_folders(&folders).ok_or_else(|| no_tokenizer(&folders))?,
        };
        notes.extend(tokenizer.note());
        let config = match &model {
            ModelFile::Safetensors { config, .. } => Some(config.clone()),
            ModelFile::Onnx(_) => beside(CONFIG_FILE),
        };
        let published = Published::read(&folders, apart.as_deref())?;
        Ok(Self { model, tokenizer, config, published, notes })
    }
}

impl TokenizerFiles {
    /// A `tokenizer.json` in any of the folders, else the files of a vocabulary in one.
    pub fn in_folders(folders: &[PathBuf]) -> Option<Self> {
        let json = folders.iter().map(|folder| folder.join(TOKENIZER_FILE)).find(|file| file.is_file());
        json.map(Self::Json)
            .or_else(|| folders.iter().find_map(|folder| Vocabulary::in_folder(folder)).map(Self::Vocabulary))
    }

    /// The tokenizer files beside `file`, if there are any.
    pub fn beside(file: &Path) -> Option<Self> {
        Self::in_folders(&[folder_of(file)])
    }

    /// A note for the user on how the tokenizer is made.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Json(_) => None,
            Self::Vocabulary(files) => Some(format!("made {TOKENIZER_FILE} from {}", files.path().display())),
        }
    }

    /// The tokenizer, and the files it was read or made from. `config` is the text of the model's `config.json`; `notes`
    /// hear what was taken for granted.
    ///
    /// # Errors
    /// [`EncoderError::Read`], [`EncoderError::Json`], [`EncoderError::Vocabulary`], [`EncoderError::TokenizerClass`].
    pub fn load(
        &self,
        config: Option<&[u8]>,
        notes: &mut Vec<String>,
    ) -> Result<(TokenizerSource, Vec<SourceFile>), EncoderError> {
        match self {
            Self::Json(path) => {
                let bytes = read(path)?;
                let file = SourceFile::of(path, &bytes);
                Ok((TokenizerSource::File(path.clone(), bytes), vec![file]))
            }
            Self::Vocabulary(files) => {
                let made = files.make(config)?;
                notes.extend(made.guess);
                let files = made.files.iter().map(|(path, bytes)| SourceFile::of(path, bytes)).collect();
                Ok((TokenizerSource::Made(made.json), files))
            }
        }
    }
}

impl ModelFile {
    pub fn path(&self) -> &Path {
        match self {
            Self::Onnx(path) | Self::Safetensors { weights: path, .. } => path,
        }
    }

    /// The folders of files that belong to the model: its own, and the one above `onnx`.
    fn folders(&self) -> Vec<PathBuf> {
        let own = folder_of(self.path());
        // A bare `model.onnx` in a folder called `onnx` still has a folder above.
        let full = own.canonicalize().unwrap_or_else(|_| own.clone());
        let above = full.file_name().filter(|name| *name == ONNX_FOLDER).and_then(|_| full.parent());
        std::iter::once(own.clone()).chain(above.map(Path::to_path_buf)).collect()
    }
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The folder of the encoder that a run fine-tuned, where `path` is a run's folder.
fn tuned_by_run(path: &Path) -> Result<Option<PathBuf>, EncoderError> {
    if !path.join(RUN_FILE).is_file() {
        return Ok(None);
    }
    let encoders = Home::new(path).encoders();
    let names = if encoders.is_dir() { names_in(&encoders)? } else { Vec::new() };
    let mut folders = names.into_iter().map(|name| encoders.join(name));
    match folders.find(|folder| folder.join(ONNX_FILE).is_file()) {
        Some(folder) => Ok(Some(folder)),
        None => Err(EncoderError::NoModel {
            path: path.to_path_buf(),
            found: "a run that trained a head alone: its encoder is the one it names in run.json".to_owned(),
        }),
    }
}

fn single_file(path: &Path) -> Result<ModelFile, EncoderError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("onnx") => Ok(ModelFile::Onnx(path.to_path_buf())),
        Some("safetensors") => {
            let config = folder_of(path).join(CONFIG_FILE);
            if !config.is_file() {
                return Err(EncoderError::NoConfig { path: config });
            }
            Ok(ModelFile::Safetensors { weights: path.to_path_buf(), config })
        }
        Some(ending) if PICKLED.contains(&ending) => Err(pickled(path.to_path_buf())),
        _ => Err(EncoderError::NoModel { path: path.to_path_buf(), found: "another file".to_owned() }),
    }
}

fn in_folder(folder: &Path, notes: &mut Vec<String>) -> Result<ModelFile, EncoderError> {
    let onnx = onnx_in(folder, notes)?;
    let weights = folder.join(WEIGHTS_FILE);
    if !weights.is_file() {
        return onnx.map(ModelFile::Onnx).ok_or_else(|| no_model(folder));
    }
    let config = folder.join(CONFIG_FILE);
    let Some(json) = read_optional(&config)? else {
        return onnx.map(ModelFile::Onnx).ok_or(EncoderError::NoConfig { path: config });
    };
    match (Family::of_config(&json), onnx) {
        (Ok(_), onnx) => {
            notes.extend(onnx.map(|other| {
                format!("taking {WEIGHTS_FILE}; {} is there too: give its path to take it instead", other.display())
            }));
            Ok(ModelFile::Safetensors { weights, config })
        }
        (Err(problem), Some(onnx)) => {
            notes.push(format!("taking {}, since no graph can be built for {WEIGHTS_FILE}: {problem}", onnx.display()));
            Ok(ModelFile::Onnx(onnx))
        }
        (Err(source), None) => Err(EncoderError::Model { path: config, source }),
    }
}

/// The `.onnx` file of a folder, or of the folder `onnx` in it.
fn onnx_in(folder: &Path, notes: &mut Vec<String>) -> Result<Option<PathBuf>, EncoderError> {
    for place in [folder.to_path_buf(), folder.join(ONNX_FOLDER)] {
        if !place.is_dir() {
            continue;
        }
        let mut files = names_in(&place)?;
        files.retain(|name| name.ends_with(".onnx"));
        if let Some(chosen) = onnx_choice(&place, &files, notes)? {
            return Ok(Some(place.join(chosen)));
        }
    }
    Ok(None)
}

/// The one that is meant of the `.onnx` files in `place`.
///
/// # Errors
/// [`EncoderError::ManyModels`].
pub(crate) fn onnx_choice(
    place: &Path,
    files: &[String],
    notes: &mut Vec<String>,
) -> Result<Option<String>, EncoderError> {
    match files {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        many if many.iter().any(|name| name == ONNX_FILE) => {
            let others = listed(many.iter().filter(|name| *name != ONNX_FILE));
            let place = place.display();
            notes.push(format!("of the ONNX files in {place}, {ONNX_FILE} is meant; also there: {others}"));
            Ok(Some(ONNX_FILE.to_owned()))
        }
        many => Err(EncoderError::ManyModels { path: place.to_path_buf(), found: listed(many) }),
    }
}

fn no_model(folder: &Path) -> EncoderError {
    let names = match names_in(folder) {
        Ok(names) => names,
        Err(problem) => return EncoderError::NoModel { path: folder.to_path_buf(), found: problem.to_string() },
    };
    if names.iter().any(|name| name == INDEX_FILE) {
        return EncoderError::SplitWeights { path: folder.join(INDEX_FILE), folder: folder.to_path_buf() };
    }
    // Beside the weights lie an optimizer's state and the like; the weights' own name says so.
    let is_pickled = |name: &&String| PICKLED.iter().any(|ending| name.ends_with(&format!(".{ending}")));
    let pickles = || names.iter().filter(is_pickled);
    match pickles().find(|name| name.contains("model")).or_else(|| pickles().next()) {
        Some(name) => pickled(folder.join(name)),
        None => EncoderError::NoModel { path: folder.to_path_buf(), found: listed(names) },
    }
}

fn pickled(path: PathBuf) -> EncoderError {
    EncoderError::PickledWeights { folder: folder_of(&path), path }
}

fn no_tokenizer(folders: &[PathBuf]) -> EncoderError {
    let searched = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" and ");
    EncoderError::NoTokenizer { searched }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type": "bert"}"#;
    const OTHER: &str = r#"{"model_type": "t5"}"#;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("has a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        folder
    }

    fn find(files: &[(&str, &str)]) -> (Result<SourceFiles, EncoderError>, tempfile::TempDir) {
        let folder = folder(files);
        (SourceFiles::find(folder.path(), None), folder)
    }

    #[test]
    fn weights_that_can_be_built_come_first_and_the_choice_is_said() {
        let files = [("config.json", BERT), ("model.safetensors", ""), ("tokenizer.json", ""), ("onnx/model.onnx", "")];
        let (found, at) = find(&files);
        let found = found.expect("is whole");
        assert_eq!(found.model.path(), at.path().join("model.safetensors"));
        assert!(found.notes[0].contains("onnx/model.onnx") || found.notes[0].contains("onnx\\model.onnx"));

        let files =
            [("config.json", OTHER), ("model.safetensors", ""), ("tokenizer.json", ""), ("onnx/model.onnx", "")];
        let (found, at) = find(&files);
        let found = found.expect("is whole");
        assert_eq!(found.model, ModelFile::Onnx(at.path().join("onnx/model.onnx")));
        assert!(found.notes[0].contains("t5"), "{:?}", found.notes);
        assert_eq!(found.config.expect("lies above").file_name().expect("has a name"), "config.json");
    }

    #[test]
    fn of_several_graphs_the_usual_one_is_meant_and_others_must_be_named() {
        let files = [("onnx/model.onnx", ""), ("onnx/model_O2.onnx", ""), ("tokenizer.json", "")];
        let (found, at) = find(&files);
        let found = found.expect("is whole");
        assert_eq!(found.model.path(), at.path().join("onnx/model.onnx"));
        assert!(found.notes[0].contains("model_O2.onnx"), "{:?}", found.notes);
        assert_eq!(found.tokenizer, TokenizerFiles::Json(at.path().join("tokenizer.json")));

        let error = find(&[("a.onnx", ""), ("b.onnx", "")]).0.expect_err("two");
        assert!(matches!(&error, EncoderError::ManyModels { .. }), "{error}");
        assert!(error.to_string().contains("\"a.onnx\", \"b.onnx\""), "{error}");
    }

    #[test]
    fn a_vocabulary_stands_in_for_a_tokenizer_that_is_not_there() {
        let weights = [("config.json", BERT), ("model.safetensors", "")];
        let found = |more: &[(&str, &str)]| {
            let (found, at) = find(&[&weights, more].concat());
            (found.expect("is whole"), at)
        };
        let (source, at) = found(&[("vocab.txt", ""), ("tokenizer.json", "")]);
        assert_eq!(source.tokenizer, TokenizerFiles::Json(at.path().join("tokenizer.json")));
        let (source, at) = found(&[("vocab.txt", "")]);
        assert_eq!(source.tokenizer, TokenizerFiles::Vocabulary(Vocabulary::WordPiece(at.path().join("vocab.txt"))));
        assert!(source.notes[0].contains("made tokenizer.json from"), "{:?}", source.notes);
        let (source, _at) = found(&[("vocab.json", ""), ("merges.txt", "")]);
        assert!(matches!(source.tokenizer, TokenizerFiles::Vocabulary(Vocabulary::BytePairs { .. })));
        let (source, _at) = found(&[("sentencepiece.bpe.model", "")]);
        assert!(matches!(source.tokenizer, TokenizerFiles::Vocabulary(Vocabulary::SentencePiece(_))));
        let lacks_merges = find(&[&weights[..], &[("vocab.json", "")]].concat()).0.expect_err("half a vocabulary");
        assert!(lacks_merges.to_string().contains("--tokenizer"), "{lacks_merges}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |files: &[(&str, &str)]| find(files).0.expect_err("incomplete").to_string();
        assert!(message(&[]).contains("holds none"));
        let pickled = message(&[("optimizer.pt", ""), ("pytorch_model.bin", ""), ("vocab.txt", "")]);
        assert!(pickled.contains("pytorch_model.bin is a Python pickle"), "{pickled}");
        assert!(pickled.contains(".save_pretrained(") && pickled.contains("safe_serialization=True"), "{pickled}");
        assert!(message(&[("model.safetensors.index.json", "")]).contains("max_shard_size"));
        assert!(message(&[("model.safetensors", "")]).contains("config.json"));
        assert!(message(&[("x.onnx", "")]).contains("--tokenizer"));
        let (unsupported, _at) = find(&[("config.json", OTHER), ("model.safetensors", "")]);
        assert!(matches!(unsupported, Err(EncoderError::Model { .. })), "{unsupported:?}");
        let find = |path: &str| SourceFiles::find(Path::new(path), None).expect_err("is nothing").to_string();
        assert!(find("/no/such/folder").contains("/no/such/folder"));
    }
}
