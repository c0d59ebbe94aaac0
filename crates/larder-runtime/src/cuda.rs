//! Finding a GPU, and probing that it computes.

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;
use std::sync::Arc;

use libloading::{Library, Symbol};
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
pub(crate) fn provider(ordinal: u32, tf32: bool) -> ExecutionProviderDispatch {
    // Batches differ in shape: growing by powers of two would hold up to twice the memory in use.
    CUDA::default()
        .with_device_id(i32::try_from(ordinal).unwrap_or(i32::MAX))
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        .with_tf32(tf32)
        .build()
        .error_on_failure()
}

/// Looks for the device of that number and runs the probe model on it.
pub(crate) fn probe(environment: &Environment, library: &Path, ordinal: u32) -> Result<CudaDevice, CudaProblem> {
    if !CUDA::is_available().unwrap_or(false) {
        let shown = library.display().to_string();
        return Err(match library.with_file_name(CUDA_PROVIDER).is_file() {
            true => CudaProblem::Replaced { library: shown },
            false => CudaProblem::NotInBuild { library: shown },
        });
    }
    let name = device_name(ordinal)?;
    if let Some(CudaFolders { cuda, cudnn }) = cuda_folders(library) {
        ort::ep::cuda::preload_dylibs(Some(&cuda), Some(&cudnn))
            .map_err(|source| CudaProblem::Library { source: Arc::new(source) })?;
    }
    let found = run_probe(environment, ordinal)?;
    if found != PROBE_OUTPUT {
        return Err(CudaProblem::WrongNumbers { found });
    }
    Ok(CudaDevice { name })
}

fn run_probe(environment: &Environment, ordinal: u32) -> Result<Vec<f32>, CudaProblem> {
    let failed = |source: ort::Error| CudaProblem::Probe { source: Arc::new(source) };
    let builder = Session::builder(environment)
        .map_err(failed)?
        .with_execution_providers([provider(ordinal, true)])
        // Registering loads the provider, and with it CUDA's libraries; the message names the first missing.
        .map_err(|error| CudaProblem::Library { source: Arc::new(ort::Error::<()>::from(error)) })?;
    probe::run(builder).map_err(failed)
}

#[cfg(windows)]
const DRIVER: &str = "nvcuda.dll";
#[cfg(not(windows))]
const DRIVER: &str = "libcuda.so.1";

/// `CUDA_ERROR_NO_DEVICE`.
const NO_DEVICE: c_int = 100;
/// Longer names are cut; the longest NVIDIA ships has about 40 bytes.
const NAME_BYTES: usize = 256;

/// The driver's library, started.
struct Driver {
    library: Library,
}

impl Driver {
    fn start() -> Result<Self, CudaProblem> {
        // SAFETY: the driver's library runs its initialisers when loaded, as ONNX Runtime's provider would make it.
        let library = unsafe { Library::new(DRIVER) }.map_err(|_| CudaProblem::NoDriver { driver: DRIVER })?;
        let driver = Self { library };
        // SAFETY: the type of `cuInit` since CUDA 2.
        let init = unsafe { driver.get::<unsafe extern "C" fn(u32) -> c_int>(b"cuInit\0") }?;
        // SAFETY: 0 is the only flag there is.
        succeeds(unsafe { init(0) })?;
        Ok(driver)
    }

    /// # Safety
    /// `T` is the type of the function.
    unsafe fn get<T>(&self, name: &[u8]) -> Result<Symbol<'_, T>, CudaProblem> {
        // SAFETY: the caller's.
        unsafe { self.library.get::<T>(name) }.map_err(|_| CudaProblem::NoDriver { driver: DRIVER })
    }

    fn count(&self) -> Result<u32, CudaProblem> {
        // SAFETY: the type of `cuDeviceGetCount` since CUDA 2.
        let get = unsafe { self.get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cuDeviceGetCount\0") }?;
        let mut count: c_int = 0;
        // SAFETY: it writes one number.
        succeeds(unsafe { get(&raw mut count) })?;
        Ok(u32::try_from(count).unwrap_or(0))
    }

    fn name(&self, ordinal: u32) -> Result<Option<String>, CudaProblem> {
        type GetDevice = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
        type GetName = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
        // SAFETY: their types since CUDA 2.
        let (get, get_name) =
            unsafe { (self.get::<GetDevice>(b"cuDeviceGet\0")?, self.get::<GetName>(b"cuDeviceGetName\0")?) };
        let mut device: c_int = 0;
        // SAFETY: it writes one number.
        succeeds(unsafe { get(&raw mut device, c_int::try_from(ordinal).unwrap_or(c_int::MAX)) })?;
        let mut name = [0 as c_char; NAME_BYTES];
        // SAFETY: one byte is held back, so that the name ends even if the driver fills the rest.
        let known = unsafe { get_name(name.as_mut_ptr(), NAME_BYTES as c_int - 1, device) } == 0;
        // SAFETY: it ends with a zero.
        let name = known.then(|| unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned());
        Ok(name.filter(|name| !name.is_empty()))
    }
}

fn succeeds(code: c_int) -> Result<(), CudaProblem> {
    if code == 0 { Ok(()) } else { Err(CudaProblem::NoDevice { code }) }
}

/// Asks the driver how many devices it shows this process.
pub(crate) fn device_count() -> Result<u32, CudaProblem> {
    let driver = Driver::start()?;
    let count = driver.count();
    // Threads of the driver may be running by now: it stays loaded.
    std::mem::forget(driver);
    count
}

/// Asks the driver for the name of a device.
fn device_name(ordinal: u32) -> Result<Option<String>, CudaProblem> {
    let driver = Driver::start()?;
    let name = driver.count().and_then(|count| match ordinal < count {
        true => driver.name(ordinal),
        false if count == 0 => Err(CudaProblem::NoDevice { code: NO_DEVICE }),
        false => Err(CudaProblem::NoOrdinal { ordinal, count }),
    });
    std::mem::forget(driver);
    name
}
