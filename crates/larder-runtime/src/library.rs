//! Finding the shared library, and looking at it before it is used.
//!
//! `ort` panics when the library it loads does not offer the API version it was built for, so each
//! candidate is opened here first and asked for its version and for that API.

use std::env;
use std::ffi::{CStr, OsStr};
use std::path::{Path, PathBuf};

use libloading::Library;
use ort::sys::OrtApiBase;

use crate::api_version::API_VERSION;
use crate::error::{Attempt, LibraryProblem, Origin};
use crate::folders::{self, CUDA_LIBRARIES_FOLDER, CUDA_RUNTIME_FOLDER, RUNTIME_FOLDER, executable_folder};

/// The folder with the library in a Python package.
const PYTHON_FOLDER: &str = "onnxruntime/capi";

/// The folders of packages below a Python's own; the second is Debian's.
const PACKAGE_FOLDERS: [&str; 2] = ["site-packages", "dist-packages"];

/// Names for the system's loader. Distributions ship the second without the development package.
#[cfg(windows)]
const SYSTEM_NAMES: &[&str] = &["onnxruntime.dll"];
#[cfg(target_os = "macos")]
const SYSTEM_NAMES: &[&str] = &["libonnxruntime.dylib", "libonnxruntime.1.dylib"];
#[cfg(not(any(windows, target_os = "macos")))]
const SYSTEM_NAMES: &[&str] = &["libonnxruntime.so", "libonnxruntime.so.1"];

/// A library that loads and offers what we call.
pub(crate) struct FoundLibrary {
    pub origin: Origin,
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

/// Returns the libraries in folders of set-up and in a Python package, then the executable's folder, then the system's loader.
///
/// CUDA builds come first: they run everything on the CPU as the plain ones do, and were installed on purpose.
fn unnamed_candidates() -> Vec<(Origin, PathBuf)> {
    let (repository, user) = (folders::repository_folder(), folders::user_folder());
    let below = |origin: Origin, larder: &Option<PathBuf>, folder: &str| {
        larder.as_ref().map(|larder| (origin, larder.join(folder)))
    };
    let packages =
        python_packages().into_iter().map(|packages| Some((Origin::PythonPackage, packages.join(PYTHON_FOLDER))));
    let installed: Vec<_> = [
        below(Origin::CudaSetup, &repository, CUDA_RUNTIME_FOLDER),
        below(Origin::Setup, &repository, RUNTIME_FOLDER),
        below(Origin::CudaSetup, &user, CUDA_RUNTIME_FOLDER),
    ]
    .into_iter()
    .chain(packages)
    .chain([below(Origin::Setup, &user, RUNTIME_FOLDER)])
    .flatten()
    .filter(|(_, folder)| folder.is_dir())
    .collect();
    // Where there is none, the message says where set-up would put one.
    let missing = installed.is_empty().then(folders::setup_folder).flatten();
    let missing = missing.map(|larder| (Origin::Setup, larder.join(RUNTIME_FOLDER)));
    let beside = executable_folder().map(|folder| (Origin::Executable, folder));
    let system = SYSTEM_NAMES.iter().map(|name| (Origin::System, PathBuf::from(name)));
    installed.into_iter().chain(missing).chain(beside).chain(system).collect()
}

/// The folders of Python packages below the prefix that the executable was installed into, as pip and its like install it.
fn python_packages() -> Vec<PathBuf> {
    let Some(prefix) = executable_folder().and_then(|folder| Some(folder.parent()?.to_owned())) else {
        return Vec::new();
    };
    packages_below(&prefix)
}

/// `lib/python3.12/site-packages` for one; of several Pythons, the newest first. The prefix itself is where
/// pip puts packages that it was given a target for.
fn packages_below(prefix: &Path) -> Vec<PathBuf> {
    let mut libraries = vec![prefix.join("Lib")];
    for library in ["lib", "lib64"] {
        let entries = std::fs::read_dir(prefix.join(library)).into_iter().flatten().filter_map(Result::ok);
        libraries.extend(entries.filter(|entry| is_python(&entry.file_name())).map(|entry| entry.path()));
    }
    let version = |folder: &PathBuf| folder.file_name().and_then(|name| minor(&name.to_string_lossy()));
    libraries.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let packages = |folder: PathBuf| PACKAGE_FOLDERS.map(|name| folder.join(name));
    let folders = libraries.into_iter().flat_map(packages).chain([prefix.to_owned()]);
    folders.filter(|folder| folder.is_dir()).collect()
}

fn is_python(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("python3."))
}

/// The folders of CUDA's own libraries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CudaFolders {
    /// The folder of the runtime, cuBLAS and their like.
    pub cuda: PathBuf,
    /// The folder of cuDNN.
    pub cudnn: PathBuf,
}

/// The folders that came with the library, or else those that `larder setup cuda` fills, if they are there.
pub(crate) fn cuda_folders(library: &Path) -> Option<CudaFolders> {
    let folder = library.parent()?;
    let is_ours = folder.ends_with(CUDA_RUNTIME_FOLDER);
    let beside = is_ours.then(|| folder.parent().map(|cuda| cuda.join("lib"))).flatten();
    let packages = folder.ends_with(PYTHON_FOLDER).then(|| folder.parent()?.parent()).flatten();
    let of_packages = packages.map(|packages| {
        let nvidia = packages.join("nvidia");
        CudaFolders { cuda: nvidia.join("cu13/lib"), cudnn: nvidia.join("cudnn/lib") }
    });
    let installed = [folders::repository_folder(), folders::user_folder()].into_iter().flatten();
    let one = |folder: PathBuf| CudaFolders { cuda: folder.clone(), cudnn: folder };
    let installed = installed.map(|larder| larder.join(CUDA_LIBRARIES_FOLDER)).map(one);
    let mut folders = beside.map(one).into_iter().chain(of_packages).chain(installed);
    folders.find(|folders| folders.cuda.is_dir() && folders.cudnn.is_dir())
}

fn look_at(origin: Origin, path: &Path) -> Result<FoundLibrary, LibraryProblem> {
    if origin == Origin::System {
        return Ok(FoundLibrary { origin, version: version_of(path)?, path: path.to_owned() });
    }
    let path = match path.is_dir() {
        true => library_in(path).ok_or(LibraryProblem::EmptyFolder)?,
        false => path.to_owned(),
    };
    // Links are followed: ONNX Runtime looks for its providers beside the path it was loaded from.
    let path = path.canonicalize().map_err(|_| LibraryProblem::NotFound)?;
    Ok(FoundLibrary { origin, version: version_of(&path)?, path })
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

/// 31 of `1.31.1`, 12 of `python3.12`.
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
    fn packages_of_the_newest_python_come_first() {
        let prefix = tempfile::tempdir().unwrap();
        let make = |folder: &str| {
            let folder = prefix.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            folder
        };
        assert_eq!(packages_below(prefix.path()), [prefix.path()], "of pip with a target");
        make("lib/perl5/site-packages");
        make("lib/python3.9");
        let expected = [
            make("lib64/python3.13/site-packages"),
            make("lib/python3.11/site-packages"),
            make("lib/python3.11/dist-packages"),
            make("lib/python3.9/site-packages"),
            prefix.path().to_owned(),
        ];
        assert_eq!(packages_below(prefix.path()), expected);
    }

    #[test]
    fn minor_versions_are_numbers() {
        assert_eq!(minor("1.31.1"), Some(31));
        assert_eq!(minor("1.9.0"), Some(9));
        assert_eq!(minor("nonsense"), None);
    }
}
