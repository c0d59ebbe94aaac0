//! What a user points at: which files of it are the model, its tokenizer, its configuration.

use std::path::{Path, PathBuf};

use larder_onnx::Family;

use crate::EncoderError;
use crate::error::listed;
use crate::files::{names_in, read_optional};
use crate::pooling::{Pooling, published};

/// Where exporters put an `.onnx` file that shares its folder with a PyTorch model.
const ONNX_FOLDER: &str = "onnx";
/// The file that is meant when several variants lie side by side.
const ONNX_FILE: &str = "model.onnx";
const WEIGHTS_FILE: &str = "model.safetensors";
const CONFIG_FILE: &str = "config.json";
const TOKENIZER_FILE: &str = "tokenizer.json";

/// The files that an encoder is made from.
#[derive(Debug)]
pub(crate) struct Source {
    pub model: ModelFile,
    pub tokenizer: PathBuf,
    pub config: Option<PathBuf>,
    pub pooling: Option<Pooling>,
    /// Choices the user may want to know about.
    pub notes: Vec<String>,
}

/// The file with the model's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelFile {
    /// A graph and its parameters.
    Onnx(PathBuf),
    /// Parameters alone; the graph is built from `config`.
    Safetensors { weights: PathBuf, config: PathBuf },
}

impl Source {
    /// Finds the files in or beside `path`. Of an ONNX graph and weights of a family that larder builds, the weights
    /// are taken: of the graph built from them every layer is known.
    ///
    /// # Errors
    /// [`EncoderError::Remote`], [`EncoderError::NoSource`], [`EncoderError::NoModel`], [`EncoderError::ManyModels`],
    /// [`EncoderError::NoConfig`], [`EncoderError::NoTokenizer`], [`EncoderError::Read`]; [`EncoderError::Model`] for a
    /// family that cannot be built where there is no graph either.
    pub fn find(path: &Path, tokenizer: Option<&Path>) -> Result<Self, EncoderError> {
        if path.to_str().is_some_and(|text| text.starts_with("hf:")) {
            return Err(EncoderError::Remote { source_name: path.display().to_string() });
        }
        if !path.exists() {
            return Err(EncoderError::NoSource { path: path.to_path_buf() });
        }
        let mut notes = Vec::new();
        let model = if path.is_dir() { in_folder(path, &mut notes)? } else { single_file(path)? };
        let folders = model.folders();
        let beside = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
        let tokenizer = match tokenizer {
            Some(given) => given.to_path_buf(),
            None => beside(TOKENIZER_FILE).ok_or_else(|| no_tokenizer(&folders))?,
        };
        let config = match &model {
            ModelFile::Safetensors { config, .. } => Some(config.clone()),
            ModelFile::Onnx(_) => beside(CONFIG_FILE),
        };
        let pooling = folders.iter().map(|folder| published(folder)).find_map(Result::transpose).transpose()?;
        Ok(Self { model, tokenizer, config, pooling, notes })
    }
}

impl ModelFile {
    pub fn path(&self) -> &Path {
        match self {
            Self::Onnx(path) | Self::Safetensors { weights: path, .. } => path,
        }
    }

    /// Where the files that go with the model may lie: beside it, or above its `onnx` folder.
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
        _ => Err(EncoderError::NoModel { path: path.to_path_buf(), found: "another file".to_owned() }),
    }
}

fn in_folder(folder: &Path, notes: &mut Vec<String>) -> Result<ModelFile, EncoderError> {
    let onnx = onnx_in(folder, notes)?;
    let weights = folder.join(WEIGHTS_FILE);
    if !weights.is_file() {
        return onnx.map(ModelFile::Onnx).map_or_else(|| Err(no_model(folder)), Ok);
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
        let chosen = match files.as_slice() {
            [] => continue,
            [only] => only,
            many => match many.iter().find(|name| *name == ONNX_FILE) {
                Some(usual) => {
                    let others = listed(many.iter().filter(|name| *name != ONNX_FILE));
                    notes.push(format!(
                        "of the ONNX files in {}, {ONNX_FILE} is meant; also there: {others}",
                        place.display()
                    ));
                    usual
                }
                None => return Err(EncoderError::ManyModels { path: place, found: listed(many) }),
            },
        };
        return Ok(Some(place.join(chosen)));
    }
    Ok(None)
}

fn no_model(folder: &Path) -> EncoderError {
    let found = names_in(folder).map_or_else(|problem| problem.to_string(), listed);
    EncoderError::NoModel { path: folder.to_path_buf(), found }
}

fn no_tokenizer(folders: &[PathBuf]) -> EncoderError {
    let searched = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" and ");
    EncoderError::NoTokenizer { searched }
}

/// The tokenizer that lies beside a file, if one does.
pub(crate) fn tokenizer_beside(file: &Path) -> Option<PathBuf> {
    Some(folder_of(file).join(TOKENIZER_FILE)).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type": "bert"}"#;
    const OTHER: &str = r#"{"model_type": "roberta"}"#;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("has a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        folder
    }

    fn find(files: &[(&str, &str)]) -> (Result<Source, EncoderError>, tempfile::TempDir) {
        let folder = folder(files);
        (Source::find(folder.path(), None), folder)
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
        assert!(found.notes[0].contains("roberta"), "{:?}", found.notes);
        assert_eq!(found.config.expect("lies above").file_name().expect("has a name"), "config.json");
    }

    #[test]
    fn of_several_graphs_the_usual_one_is_meant_and_others_must_be_named() {
        let files = [("onnx/model.onnx", ""), ("onnx/model_O2.onnx", ""), ("tokenizer.json", "")];
        let (found, at) = find(&files);
        let found = found.expect("is whole");
        assert_eq!(found.model.path(), at.path().join("onnx/model.onnx"));
        assert!(found.notes[0].contains("model_O2.onnx"), "{:?}", found.notes);
        assert!(found.tokenizer.is_file());

        let error = find(&[("a.onnx", ""), ("b.onnx", "")]).0.expect_err("two");
        assert!(matches!(&error, EncoderError::ManyModels { .. }), "{error}");
        assert!(error.to_string().contains("\"a.onnx\", \"b.onnx\""), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |files: &[(&str, &str)]| find(files).0.expect_err("incomplete").to_string();
        assert!(message(&[]).contains("holds none"));
        assert!(message(&[("pytorch_model.bin", "")]).contains("\"pytorch_model.bin\""));
        assert!(message(&[("model.safetensors", "")]).contains("config.json"));
        assert!(message(&[("x.onnx", "")]).contains("--tokenizer"));
        let (unsupported, _at) = find(&[("config.json", OTHER), ("model.safetensors", "")]);
        assert!(matches!(unsupported, Err(EncoderError::Model { .. })), "{unsupported:?}");
        let find = |path: &str| Source::find(Path::new(path), None).expect_err("is nothing").to_string();
        assert!(find("hf:org/model").contains("hf:org/model"));
        assert!(find("/no/such/folder").contains("/no/such/folder"));
    }
}
