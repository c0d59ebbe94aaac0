//! Set-up: what larder runs with and does not contain, fetched as Python packages, pinned and checked.
//!
//! Packages come through pip, because its settings (an index, a proxy, credentials) are those that work on the user's machine. So
//! one script does it, in the language of pip: `just setup` runs it where nothing is built yet, and the binary has it inside.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use larder_errors::{ErrorClass, spelled_enum};

use crate::error::Origin;
use crate::folders::{executable_folder, setup_folder};
use crate::library;

const SCRIPT: &str = include_str!("../setup/fetch.py");
const PINS: &str = include_str!("../setup/pins.json");
/// Ends well in a Python that can run the script.
const CHECK: &str = "import sys, pip; sys.exit(sys.version_info < (3, 8))";

spelled_enum! {
    /// A part of what set-up fetches: a recipe of `pins.json`.
    pub enum Part {
        /// ONNX Runtime.
        Runtime = "runtime",
        /// The default encoder.
        Encoder = "encoder",
        /// ONNX Runtime for CUDA, and NVIDIA's libraries.
        Cuda = "cuda",
    } else "unknown part `{found}`: set-up fetches {or}"
}

/// Set-up failed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No folder to put anything into.
    #[error(
        "there is no folder to set up: this user has none for programs' data; set XDG_DATA_HOME, or HOME, to a folder"
    )]
    NoFolder,
    /// No Python with pip.
    #[error(
        "set-up downloads with pip, and none of {} is a Python 3 with pip\n  install one (Debian and Ubuntu: `apt install \
         python3-pip`), or ONNX Runtime in another way, and set ORT_DYLIB_PATH to its library",
        tried.join(", ")
    )]
    NoPython {
        /// The programs tried.
        tried: Vec<String>,
    },
    /// The script could not be started.
    #[error("cannot run {python} in a temporary folder: {source}")]
    Start {
        /// The Python.
        python: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The script failed.
    #[error("set-up of {said}")]
    Failed {
        /// The parts, the reason and the way out.
        said: String,
    },
}

impl SetupError {
    /// The class of failure: what set-up needs is missing.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Missing
    }
}

/// Fetches `parts` into the [set-up folder](crate::setup_folder); what is there is checked and left alone. Tells on standard error what it
/// downloads, and how much. ONNX Runtime is fetched only where none is found elsewhere.
///
/// # Errors
/// [`SetupError`]; nothing is then half installed.
pub fn set_up(parts: &[Part]) -> Result<PathBuf, SetupError> {
    let folder = setup_folder().ok_or(SetupError::NoFolder)?;
    let mut wanted = parts.to_vec();
    if let Some((path, version)) = runtime_of_others().filter(|_| parts.contains(&Part::Runtime)) {
        eprintln!("ONNX Runtime {version}: already there, {}", path.display());
        wanted.retain(|part| *part != Part::Runtime);
    }
    if !wanted.is_empty() {
        fetch(&wanted, &folder)?;
    }
    Ok(folder)
}

/// The path and version of an ONNX Runtime that is found, and not in a folder of set-up.
fn runtime_of_others() -> Option<(PathBuf, String)> {
    let found = library::find(None).ok()?;
    (!matches!(found.origin, Origin::Setup | Origin::CudaSetup)).then_some((found.path, found.version))
}

fn fetch(parts: &[Part], folder: &Path) -> Result<(), SetupError> {
    let python = python()?;
    let start = |source| SetupError::Start { python: python.clone(), source };
    let place = tempfile::tempdir().map_err(start)?;
    let script = place.path().join("fetch.py");
    std::fs::write(&script, SCRIPT).map_err(start)?;
    std::fs::write(place.path().join("pins.json"), PINS).map_err(start)?;
    let mut command = Command::new(&python);
    // Standard output is the command's own; what the script says is talk.
    command.arg("-B").arg(script).args(parts.iter().map(|part| part.as_str())).arg("--into").arg(folder);
    command.stdin(Stdio::null()).stdout(std::io::stderr()).stderr(Stdio::piped());
    let output = command.spawn().and_then(std::process::Child::wait_with_output).map_err(start)?;
    if output.status.success() {
        return Ok(());
    }
    Err(SetupError::Failed { said: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// The first Python that has pip: that of the environment that the binary was installed into, then those on the path.
fn python() -> Result<String, SetupError> {
    let names = if cfg!(windows) { ["python.exe", "py.exe"] } else { ["python3", "python"] };
    let beside = executable_folder().into_iter().flat_map(|folder| names.map(|name| folder.join(name)));
    let beside = beside.filter(|path| path.is_file()).map(|path| path.display().to_string());
    let tried: Vec<String> = beside.chain(names.map(str::to_owned)).collect();
    let has_pip = |python: &&String| {
        let output = Command::new(python).args(["-c", CHECK]).stdin(Stdio::null()).output();
        output.is_ok_and(|output| output.status.success())
    };
    tried.iter().find(has_pip).cloned().ok_or(SetupError::NoPython { tried })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folders::{
        CUDA_LIBRARIES_FOLDER, CUDA_RUNTIME_FOLDER, DEFAULT_ENCODER, ENCODERS_FOLDER, RUNTIME_FOLDER,
    };

    #[test]
    fn every_part_is_a_recipe_and_the_recipe_of_a_bare_machine_fetches_the_usual_ones() {
        let pins: serde_json::Value = serde_json::from_str(PINS).unwrap();
        let recipe = |name: &str| pins["recipes"][name].as_array().unwrap_or_else(|| panic!("{name}")).clone();
        let [runtime, encoder, cuda] = Part::ALL else { panic!("{:?}", Part::ALL) };
        assert_eq!(recipe("setup"), [recipe(runtime.as_str()), recipe(encoder.as_str())].concat());
        assert_eq!(recipe("setup-cuda"), recipe(cuda.as_str()));
        for (name, folder) in [
            ("onnxruntime", RUNTIME_FOLDER),
            ("onnxruntime-gpu", CUDA_RUNTIME_FOLDER),
            ("cuda-libraries", CUDA_LIBRARIES_FOLDER),
        ] {
            assert_eq!(pins["bundles"][name]["folder"], folder);
        }
        let encoder = format!("{ENCODERS_FOLDER}/{DEFAULT_ENCODER}");
        assert_eq!(pins["bundles"][DEFAULT_ENCODER]["folder"], encoder);
    }
}
