//! The folders that set-up fills, and that of the executable.

use std::env;
use std::path::PathBuf;

/// The folder in a repository that `just setup` fills.
const REPOSITORY_FOLDER: &str = ".larder";
/// The user's folder below that of all programs' data.
const USER_FOLDER: &str = "larder";

/// The encoder that set-up fetches, a BERT of six layers for sentences.
pub const DEFAULT_ENCODER: &str = "all-MiniLM-L6-v2";
/// The folder of encoders' files in a folder of set-up.
pub(crate) const ENCODERS_FOLDER: &str = "models";
/// The folder of ONNX Runtime in a folder of set-up.
pub(crate) const RUNTIME_FOLDER: &str = "onnxruntime";
/// The folder of ONNX Runtime for CUDA.
pub(crate) const CUDA_RUNTIME_FOLDER: &str = "cuda/onnxruntime";
/// The folder of CUDA's own libraries.
pub(crate) const CUDA_LIBRARIES_FOLDER: &str = "cuda/lib";

/// The folder that set-up fills: the nearest `.larder` above the executable or else above the current directory, as a repository
/// has it; without one, the user's own. `None` where a user has no folder.
pub fn setup_folder() -> Option<PathBuf> {
    repository_folder().or_else(user_folder)
}

/// The folder in which set-up put the [default encoder](DEFAULT_ENCODER); `None` if it did not.
pub fn default_encoder_folder() -> Option<PathBuf> {
    let folders = [repository_folder(), user_folder()].into_iter().flatten();
    folders.map(|larder| larder.join(ENCODERS_FOLDER).join(DEFAULT_ENCODER)).find(|folder| folder.is_dir())
}

/// The nearest [`REPOSITORY_FOLDER`] above the executable, which lies in the repository's `target`, or above the current directory.
pub(crate) fn repository_folder() -> Option<PathBuf> {
    [executable_folder(), env::current_dir().ok()]
        .into_iter()
        .flatten()
        .find_map(|start| start.ancestors().map(|folder| folder.join(REPOSITORY_FOLDER)).find(|folder| folder.is_dir()))
}

/// The user's folder, whether it is there or not.
pub(crate) fn user_folder() -> Option<PathBuf> {
    dirs::data_local_dir().map(|folder| folder.join(USER_FOLDER))
}

/// The folder of the executable, with links resolved: pip's like put links to it into folders of their own.
pub(crate) fn executable_folder() -> Option<PathBuf> {
    let path = env::current_exe().ok()?;
    Some(path.canonicalize().unwrap_or(path).parent()?.to_owned())
}
