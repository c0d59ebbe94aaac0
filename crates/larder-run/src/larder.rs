//! The home of artifacts, and the runtime that all stages share.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use larder_errors::Names;
use larder_files::Home;
use larder_intake::Encoder;
use larder_runtime::Runtime;

use crate::RunError;

/// One user's artifacts and ONNX Runtime.
#[derive(Debug)]
pub struct Larder {
    home: Home,
    onnxruntime: Option<PathBuf>,
    runtime: OnceCell<Runtime>,
}

impl Larder {
    /// Uses artifacts under `home`. `onnxruntime` is the shared library to load; without it [`Runtime::load`] searches.
    pub fn new(home: impl Into<PathBuf>, onnxruntime: Option<&Path>) -> Self {
        Self { home: Home::new(home), onnxruntime: onnxruntime.map(Path::to_path_buf), runtime: OnceCell::new() }
    }

    /// Returns the home of artifacts.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Returns ONNX Runtime, loaded at the first call: stages that are up to date work without it.
    ///
    /// # Errors
    /// [`RunError::Runtime`] with everything that was tried.
    pub fn runtime(&self) -> Result<&Runtime, RunError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = Runtime::load(self.onnxruntime.as_deref())?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    /// Opens the only encoder that there is.
    ///
    /// # Errors
    /// [`RunError::WhichEncoder`] where there is none or more than one.
    pub fn only_encoder(&self) -> Result<Encoder, RunError> {
        let names: Vec<String> = Encoder::list(&self.home)?.into_iter().map(|listed| listed.name).collect();
        match &names[..] {
            [only] => self.encoder(only),
            _ => Err(RunError::WhichEncoder { known: Names::new(names) }),
        }
    }

    /// Opens the encoder called `name`.
    ///
    /// # Errors
    /// [`RunError::Encoder`], which lists the encoders there are.
    pub fn encoder(&self, name: &str) -> Result<Encoder, RunError> {
        Ok(Encoder::open(&self.home, name)?)
    }
}
