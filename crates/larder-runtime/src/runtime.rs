//! The loaded library: one per process.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;

use crate::cuda::{self, CudaDevice};
use crate::cuda_problem::CudaProblem;
use crate::error::{Attempt, LibraryProblem, Origin, RuntimeError};
use crate::library::{self, FoundLibrary};
use crate::probe::{self, PROBE_OUTPUT};

/// ONNX Runtime, loaded. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    version: String,
    environment: Environment,
    /// What is known of each CUDA device.
    gpus: Mutex<BTreeMap<u32, Result<CudaDevice, CudaProblem>>>,
}

/// The process's one runtime. It is never dropped: ONNX Runtime does not restart in one process.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Finds and loads ONNX Runtime. Looked for, in this order:
    ///
    /// 1. `explicit`, the value of `--onnxruntime`: a library, or a folder with one;
    /// 2. the environment variable `ORT_DYLIB_PATH`, likewise;
    /// 3. the nearest folder `.larder` above the executable, or else above the current directory:
    ///    `cuda/onnxruntime` of `larder setup cuda`, then `onnxruntime` of `larder setup`;
    /// 4. `cuda/onnxruntime` in the user's [set-up folder](crate::setup_folder);
    /// 5. the package `onnxruntime` of the Python that larder was installed into with pip;
    /// 6. `onnxruntime` in the user's set-up folder;
    /// 7. the executable's own folder;
    /// 8. the system's loader.
    ///
    /// If 1 or 2 is set, it alone counts. A second call returns the same runtime.
    ///
    /// # Errors
    /// [`RuntimeError::NoLibrary`] lists all that was tried; [`RuntimeError::AlreadyLoaded`] if another
    /// library is named than the one in use; [`RuntimeError::Start`] if ONNX Runtime does not start.
    pub fn load(explicit: Option<&Path>) -> Result<Self, RuntimeError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return runtime.clone().if_it_is(explicit);
        }
        let runtime = Self::start(library::find(explicit).map_err(|tried| RuntimeError::NoLibrary { tried })?)?;
        Ok(loaded.insert(runtime).clone())
    }

    fn if_it_is(self, explicit: Option<&Path>) -> Result<Self, RuntimeError> {
        let Some(asked) = explicit else {
            return Ok(self);
        };
        let same = asked
            .canonicalize()
            .is_ok_and(|asked| asked == self.inner.path || Some(asked.as_path()) == self.inner.path.parent());
        if same {
            return Ok(self);
        }
        Err(RuntimeError::AlreadyLoaded { loaded: self.inner.path.clone(), asked: asked.to_owned() })
    }

    fn start(found: FoundLibrary) -> Result<Self, RuntimeError> {
        let FoundLibrary { path, version, .. } = found;
        let builder = ort::init_from(&path).map_err(|error| {
            // It loaded a moment ago; only `ort`'s own view of it can have changed.
            let problem = match error {
                ort::LoadDynamicError::Dlopen { error, .. } => LibraryProblem::NotLoadable(error),
                ort::LoadDynamicError::BadVersion { version_str, .. } => {
                    LibraryProblem::TooOld { version: version_str }
                }
                _ => LibraryProblem::NotOnnxRuntime,
            };
            RuntimeError::NoLibrary { tried: vec![Attempt { origin: Origin::Explicit, path: path.clone(), problem }] }
        })?;
        let environment = builder
            .with_name("larder")
            .with_telemetry(false)
            .build()
            .map_err(|source| RuntimeError::Start { path: path.clone(), source: Box::new(source) })?;
        // Whatever ONNX Runtime logs as an error it also returns, and we report it once.
        if env::var_os("ORT_LOG").is_none() {
            environment.set_log_level(LogLevel::Fatal);
        }
        Ok(Self { inner: Arc::new(Inner { path, version, environment, gpus: Mutex::default() }) })
    }

    /// The library's version, such as `1.31.1`.
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    /// The library's absolute path, or its bare name if the system's loader found it.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The first CUDA device; see [`Runtime::gpu`].
    ///
    /// # Errors
    /// The first thing that is missing or does not work.
    pub fn cuda(&self) -> Result<CudaDevice, CudaProblem> {
        self.gpu(0)
    }

    /// The CUDA device of that number, found by running a small model on it at the first call (this loads CUDA, which
    /// takes a second or two), or why there is none.
    ///
    /// # Errors
    /// The first thing that is missing or does not work.
    pub fn gpu(&self, ordinal: u32) -> Result<CudaDevice, CudaProblem> {
        let mut known = self.inner.gpus.lock().unwrap_or_else(PoisonError::into_inner);
        let probed = || cuda::probe(&self.inner.environment, &self.inner.path, ordinal);
        known.entry(ordinal).or_insert_with(probed).clone()
    }

    /// The number of CUDA devices that the driver shows this process.
    ///
    /// # Errors
    /// [`CudaProblem::NoDriver`], [`CudaProblem::NoDevice`].
    pub fn gpu_count(&self) -> Result<u32, CudaProblem> {
        // A library without CUDA says so, whatever the driver has.
        self.gpu(0)?;
        cuda::device_count()
    }

    /// Runs a small model on the CPU: a library that loads may still be of another processor's build.
    ///
    /// # Errors
    /// [`RuntimeError::CpuUnavailable`] if it does not run, or gives wrong numbers.
    pub fn cpu(&self) -> Result<(), RuntimeError> {
        let broken = |problem: String| RuntimeError::CpuUnavailable { path: self.inner.path.clone(), problem };
        let builder = Session::builder(&self.inner.environment).map_err(|error| broken(error.to_string()))?;
        let found = probe::run(builder).map_err(|error| broken(error.to_string()))?;
        match found == PROBE_OUTPUT {
            true => Ok(()),
            false => Err(broken(format!("a probe model gave {found:?} instead of {PROBE_OUTPUT:?}"))),
        }
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.inner.environment
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("version", &self.version()).field("path", &self.path()).finish()
    }
}
