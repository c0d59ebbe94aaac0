//! Finding the shared library, and looking at it before it is used.
//!
//! `ort` panics when the library it loads does not offer the API version it was built for, so each
//! candidate is opened here first and asked for its version and for that API.

use std::env;
use std::ffi::CStr;
use std::path::{Path, PathBuf};

use libloading::Library;
use ort::sys::OrtApiBase;

use crate::api_version::API_VERSION;
use crate::error::{Attempt, LibraryProblem, Origin};

/// The folder in the repository that set-up recipes fill.
const LARDER_FOLDER: &str = ".larder";

/// Folders of [`LARDER_FOLDER`] that hold a library. The CUDA build comes first: it runs everything on
/// the CPU as the plain one does, and was installed on purpose.
const SETUP_FOLDERS: &[(Origin, &str)] = &[(Origin::CudaSetup, "cuda/onnxruntime"), (Origin::Setup, "onnxruntime")];

/// Names for the system's loader. Distributions ship the second without the development package.
#[cfg(windows)]
const SYSTEM_NAMES: &[&str] = &["onnxruntime.dll"];
#[cfg(target_os = "macos")]
const SYSTEM_NAMES: &[&str] = &["libonnxruntime.dylib", "libonnxruntime.1.dylib"];
#[cfg(not(any(windows, target_os = "macos")))]
const SYSTEM_NAMES: &[&str] = &["libonnxruntime.so", "libonnxruntime.so.1"];

/// A library that loads and offers what we call.
pub(crate) struct FoundLibrary {
    pub path: PathBuf,
    pub version: String,
}

/// Finds the first library that can be used.
///
/// A library named by the caller or by `ORT_DYLIB_PATH` is taken or refused: falling back to another
/// one would hide the mistake.
pub(crate) fn find(explicit: Option<&Path>) -> Result<FoundLibrary, Vec<Attempt>> {
    let named = env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    match (explicit, named) {
        (Some(path), _) => first_usable([(Origin::Explicit, path.to_owned())]),
        (None, Some(path)) => first_usable([(Origin::Environment, path)]),
        (None, None) => first_usable(unnamed_candidates()),
    }
}

fn first_usable(candidates: impl IntoIterator<Item = (Origin, PathBuf)>) -> Result<FoundLibrary, Vec<Attempt>> {
    let mut tried = Vec::new();
    for (origin, path) in candidates {
        match look_at(origin, &path) {
            Ok(found) => return Ok(found),
            Err(problem) => tried.push(Attempt { origin, path, problem }),
        }
    }
    Err(tried)
}

/// Returns the libraries that the set-up recipes installed, then the executable's folder, then the system's loader.
fn unnamed_candidates() -> Vec<(Origin, PathBuf)> {
    let executable_folder = env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let larder = larder_folder(executable_folder.as_deref());
    let installed =
        larder.iter().flat_map(|larder| SETUP_FOLDERS.iter().map(|&(origin, folder)| (origin, larder.join(folder))));
    let installed = installed.filter(|(origin, folder)| *origin == Origin::Setup || folder.is_dir());
    let not_installed = larder.is_none().then(|| (Origin::Setup, Path::new(LARDER_FOLDER).join("onnxruntime")));
    let beside = executable_folder.iter().map(|folder| (Origin::Executable, folder.clone()));
    let system = SYSTEM_NAMES.iter().map(|name| (Origin::System, PathBuf::from(name)));
    installed.chain(not_installed).chain(beside).chain(system).collect()
}

/// The nearest [`LARDER_FOLDER`] above the executable, which lies in the repository's `target`, or
/// above the current directory.
fn larder_folder(executable_folder: Option<&Path>) -> Option<PathBuf> {
    let current = env::current_dir().ok();
    [executable_folder, current.as_deref()]
        .into_iter()
        .flatten()
        .find_map(|start| start.ancestors().map(|folder| folder.join(LARDER_FOLDER)).find(|folder| folder.is_dir()))
}

/// The folder of CUDA's own libraries that `just setup-cuda` fills, if it is there.
pub(crate) fn cuda_folder(library: &Path) -> Option<PathBuf> {
    let beside_library = library.parent()?.parent()?.join("lib");
    let executable_folder = env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let installed = larder_folder(executable_folder.as_deref()).map(|larder| larder.join("cuda/lib"));
    let is_ours = library.parent()?.parent()?.file_name().is_some_and(|name| name == "cuda");
    [is_ours.then_some(beside_library), installed].into_iter().flatten().find(|folder| folder.is_dir())
}

fn look_at(origin: Origin, path: &Path) -> Result<FoundLibrary, LibraryProblem> {
    if origin == Origin::System {
        return Ok(FoundLibrary { version: version_of(path)?, path: path.to_owned() });
    }
    let path = match path.is_dir() {
        true => library_in(path).ok_or(LibraryProblem::EmptyFolder)?,
        false => path.to_owned(),
    };
    // Links are followed: ONNX Runtime looks for its providers beside the path it was loaded from.
    let path = path.canonicalize().map_err(|_| LibraryProblem::NotFound)?;
    Ok(FoundLibrary { version: version_of(&path)?, path })
}

/// The library in a folder: `libonnxruntime.so.1.31.1`, `libonnxruntime.1.31.1.dylib`,
/// `onnxruntime.dll`; of several, the one with the longest name, which holds the version.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let name = names.filter(|name| is_library_name(name)).max_by_key(|name| (name.len(), name.clone()))?;
    Some(folder.join(name))
}

fn is_library_name(name: &str) -> bool {
    if cfg!(windows) {
        return name.eq_ignore_ascii_case("onnxruntime.dll");
    }
    // Not `libonnxruntime_providers_shared.so`, which lies beside it.
    let Some(rest) = name.strip_prefix("libonnxruntime.") else {
        return false;
    };
    if cfg!(target_os = "macos") { rest.ends_with("dylib") } else { rest == "so" || rest.starts_with("so.") }
}

/// Loads a library and asks for its version and for the API we call. One that will not do is unloaded.
fn version_of(path: &Path) -> Result<String, LibraryProblem> {
    // SAFETY: loading a library runs its initialisers. That is what the user asks for by naming it, and
    // what using it does anyway.
    let library = unsafe { Library::new(path) }.map_err(|problem| match path.parent() {
        // A bare name that the system's loader does not know.
        Some(folder) if folder.as_os_str().is_empty() && is_missing(&problem) => LibraryProblem::NotFound,
        _ => LibraryProblem::NotLoadable(problem),
    })?;
    // SAFETY: a library that exports this name is ONNX Runtime, where it has this type since 1.0.
    let base = unsafe {
        library
            .get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0")
            .map(|get| get())
            .map_err(|_| LibraryProblem::NotOnnxRuntime)?
    };
    // SAFETY: the function returns null or a table that lives as long as the library.
    let base = unsafe { base.as_ref() }.ok_or(LibraryProblem::NotOnnxRuntime)?;
    // SAFETY: the string is static in the library, and null-terminated.
    let version = unsafe {
        let version = (base.GetVersionString)();
        if version.is_null() {
            return Err(LibraryProblem::NotOnnxRuntime);
        }
        CStr::from_ptr(version).to_string_lossy().into_owned()
    };
    // The version is compared first because ONNX Runtime complains on stderr about an API it lacks.
    // SAFETY: any number may be asked for; null means that it is not offered.
    if minor(&version).is_some_and(|minor| minor < API_VERSION) || unsafe { (base.GetApi)(API_VERSION) }.is_null() {
        return Err(LibraryProblem::TooOld { version });
    }
    // It is loaded again in a moment: unloading it would have its initialisers and its relocations done twice.
    std::mem::forget(library);
    Ok(version)
}

/// Returns true if the loader found no such file, false if it found one that it cannot load.
fn is_missing(problem: &libloading::Error) -> bool {
    let text = problem.to_string();
    text.contains("No such file") || text.contains("no such file") || text.contains("could not be found")
}

/// 31 of `1.31.1`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_library_is_told_from_its_providers() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(library_in(folder.path()), None);
        for name in ["libonnxruntime_providers_shared.so", "libonnxruntime.so.1", "libonnxruntime.so.1.31.1", "LICENSE"]
        {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(library_in(folder.path()), Some(folder.path().join("libonnxruntime.so.1.31.1")));
    }

    #[test]
    fn minor_versions_are_numbers() {
        assert_eq!(minor("1.31.1"), Some(31));
        assert_eq!(minor("1.9.0"), Some(9));
        assert_eq!(minor("nonsense"), None);
    }
}
