//! Shared by the tests of this crate.

use std::path::PathBuf;

use larder_runtime::{Runtime, RuntimeError};

/// The runtime that `just setup` installed or `ORT_DYLIB_PATH` names; `None`, loudly, if there is none.
#[allow(dead_code, reason = "each test file compiles its own copy of this module")]
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

/// A model that `tests/fixtures/make.py` wrote.
#[allow(dead_code, reason = "each test file compiles its own copy of this module")]
pub fn fixture(name: &str) -> PathBuf {
    // cargo sets it for the run too; elsewhere it says where the repository is that a built test was taken to.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(package).join("tests/fixtures").join(name)
}
