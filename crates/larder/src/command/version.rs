//! The version: the build, and the ONNX Runtime that it would run.

use std::io::Write;

use larder_runtime::{API_VERSION, Runtime};

use crate::failure::{Failure, Output};

const COMMIT: &str = env!("LARDER_BUILD_COMMIT");
const TARGET: &str = env!("LARDER_BUILD_TARGET");

/// Prints them.
pub fn version() -> Result<(), Failure> {
    let commit = if COMMIT.is_empty() { String::new() } else { format!("commit {COMMIT}, ") };
    let runtime = match Runtime::load(None) {
        Ok(runtime) => format!("ONNX Runtime {} ({})", runtime.version(), runtime.path().display()),
        Err(_) => format!("no ONNX Runtime, of which 1.{API_VERSION} or later is needed: `larder setup` installs it"),
    };
    writeln!(std::io::stdout(), "larder {} ({commit}{TARGET})\n{runtime}", env!("CARGO_PKG_VERSION")).on_stdout()
}
