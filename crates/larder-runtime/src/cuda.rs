//! Finding a GPU, and probing that it computes.

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;
use std::sync::Arc;

use libloading::Library;
use ort::environment::Environment;
use ort::ep::{ArenaExtendStrategy, CUDA, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;

use crate::cuda_problem::CudaProblem;
use crate::library::{CudaFolders, cuda_folders};
use crate::probe::{self, PROBE_OUTPUT};

/// What lies beside a library that was built with CUDA.
#[cfg(windows)]
const CUDA_PROVIDER: &str = "onnxruntime_providers_cuda.dll";
#[cfg(not(windows))]
const CUDA_PROVIDER: &str = "libonnxruntime_providers_cuda.so";

/// A CUDA device on which the probe model gave the right numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaDevice {
    /// The device's name as its driver gives it, if it does.
    pub name: Option<String>,
}

/// The CUDA provider as every session uses it: its failure is an error, never a CPU session.
pub(crate) fn provider(tf32: bool) -> ExecutionProviderDispatch {
    // Batches differ in shape: growing by powers of two would hold up to twice the memory in use.
    CUDA::default()
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        .with_tf32(tf32)
        .build()
        .error_on_failure()
}

/// Looks for a device and runs the probe model on it.
pub(crate) fn probe(environment: &Environment, library: &Path) -> Result<CudaDevice, CudaProblem> {
    if !CUDA::is_available().unwrap_or(false) {
        let shown = library.display().to_string();
        return Err(match library.with_file_name(CUDA_PROVIDER).is_file() {
            true => CudaProblem::Replaced { library: shown },
            false => CudaProblem::NotInBuild { library: shown },
        });
    }
    let name = device_name()?;
    if let Some(CudaFolders { cuda, cudnn }) = cuda_folders(library) {
        ort::ep::cuda::preload_dylibs(Some(&cuda), Some(&cudnn))
            .map_err(|source| CudaProblem::Library { source: Arc::new(source) })?;
    }
    let found = run_probe(environment)?;
    if found != PROBE_OUTPUT {
        return Err(CudaProblem::WrongNumbers { found });
    }
    Ok(CudaDevice { name })
}

fn run_probe(environment: &Environment) -> Result<Vec<f32>, CudaProblem> {
    let failed = |source: ort::Error| CudaProblem::Probe { source: Arc::new(source) };
    let builder = Session::builder(environment)
        .map_err(failed)?
        .with_execution_providers([provider(true)])
        // Registering loads the provider, and with it CUDA's libraries; the message names the first missing.
        .map_err(|error| CudaProblem::Library { source: Arc::new(ort::Error::<()>::from(error)) })?;
    probe::run(builder).map_err(failed)
}

#[cfg(windows)]
const DRIVER: &str = "nvcuda.dll";
#[cfg(not(windows))]
const DRIVER: &str = "libcuda.so.1";

/// Longer names are cut; the longest NVIDIA ships has about 40 bytes.
const NAME_BYTES: usize = 256;

/// Asks the driver for its first device.
fn device_name() -> Result<Option<String>, CudaProblem> {
    let no_driver = |_| CudaProblem::NoDriver { driver: DRIVER };
    let succeeds = |code: c_int| {
        if code == 0 { Ok(()) } else { Err(CudaProblem::NoDevice { code }) }
    };
    // SAFETY: the driver's library runs its initialisers when loaded, as ONNX Runtime's provider would
    // make it; the three functions have had these types since CUDA 2.
    unsafe {
        let driver = Library::new(DRIVER).map_err(no_driver)?;
        let init = driver.get::<unsafe extern "C" fn(u32) -> c_int>(b"cuInit\0").map_err(no_driver)?;
        succeeds(init(0))?;
        let mut device: c_int = 0;
        let get =
            driver.get::<unsafe extern "C" fn(*mut c_int, c_int) -> c_int>(b"cuDeviceGet\0").map_err(no_driver)?;
        succeeds(get(&raw mut device, 0))?;
        let mut name = [0 as c_char; NAME_BYTES];
        let get_name = driver
            .get::<unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(b"cuDeviceGetName\0")
            .map_err(no_driver)?;
        // One byte is held back, so that the name ends even if the driver fills the rest.
        let known = get_name(name.as_mut_ptr(), NAME_BYTES as c_int - 1, device) == 0;
        let name = known.then(|| CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned());
        // Threads of the driver may be running by now: it stays loaded.
        std::mem::forget(driver);
        Ok(name.filter(|name| !name.is_empty()))
    }
}
