//! The errors of this crate, with the way out.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

use larder_errors::{ErrorClass, bytes};

use crate::api_version::API_VERSION;
use crate::cuda_problem::CudaProblem;
use crate::tensor::ElementType;

/// An error of ONNX Runtime itself, kept as the source of ours.
pub(crate) type BoxedError = Box<dyn StdError + Send + Sync>;

/// An error of finding ONNX Runtime, loading a model or running it.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No library could be loaded.
    #[error("no usable ONNX Runtime library; tried, in this order:{}\n  {}", list(tried), way_out(tried))]
    NoLibrary {
        /// Every place that was tried and why it did not do.
        tried: Vec<Attempt>,
    },
    /// A library is loaded already, and a process can have only one.
    #[error(
        "ONNX Runtime is already loaded from {}, cannot load {} as well: a process has one runtime",
        loaded.display(), asked.display()
    )]
    AlreadyLoaded {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },
    /// The library loaded but refused to start.
    #[error("ONNX Runtime from {} did not start: {source}", path.display())]
    Start {
        /// The library.
        path: PathBuf,
        /// ONNX Runtime's reason.
        #[source]
        source: BoxedError,
    },
    /// CUDA was asked for and does not work here.
    #[error("CUDA was asked for but is not available: {problem}\n  {}, or use --device cpu", problem.way_out())]
    CudaUnavailable {
        /// The missing part.
        #[source]
        problem: CudaProblem,
    },
    /// Something would not fit into memory, and was not begun.
    #[error(
        "{what} needs at least {} of memory, and {} {}: {way_out}",
        bytes(*least),
        bytes(*left),
        if *is_limit { "is what --memory allows" } else { "is free" }
    )]
    Memory {
        /// The thing that would not fit.
        what: String,
        /// Bytes that it needs whatever happens.
        least: u64,
        /// Bytes that it may take.
        left: u64,
        /// True if the user limits the memory.
        is_limit: bool,
        /// The setting to change.
        way_out: &'static str,
    },
    /// The library loads and does not compute.
    #[error(
        "ONNX Runtime of {} does not run on this CPU: {problem}\n  install the build for this processor, with `larder setup` or \
         --onnxruntime PATH",
        path.display()
    )]
    CpuUnavailable {
        /// The library.
        path: PathBuf,
        /// The failure of the probe.
        problem: String,
    },
    /// A model could not be read or prepared.
    #[error("cannot load model {model}: {source}")]
    Load {
        /// The model's path or name.
        model: String,
        /// The reason of ONNX Runtime or the file system.
        #[source]
        source: BoxedError,
    },
    /// A run failed inside ONNX Runtime.
    #[error("model {model} failed to run: {source}")]
    Run {
        /// The model's path or name.
        model: String,
        /// ONNX Runtime's reason.
        #[source]
        source: BoxedError,
    },
    /// An input or output that the model does not have.
    #[error("model {model} has no {side} `{name}`: it has {}", names(known))]
    UnknownName {
        /// The model's path or name.
        model: String,
        /// `"input"` or `"output"`.
        side: &'static str,
        /// The name asked for.
        name: String,
        /// The names the model has.
        known: Vec<String>,
    },
    /// An input or output was named twice in one run.
    #[error("model {model}: {side} `{name}` is given twice")]
    DuplicateName {
        /// The model's path or name.
        model: String,
        /// `"input"` or `"output"`.
        side: &'static str,
        /// The name given twice.
        name: String,
    },
    /// An input of the model was not given.
    #[error("model {model}: input `{name}` is missing: it takes {}", names(known))]
    MissingInput {
        /// The model's path or name.
        model: String,
        /// The first input not given.
        name: String,
        /// All inputs.
        known: Vec<String>,
    },
    /// Data of the wrong type.
    #[error("model {model}: input `{name}` takes {expected}, found {found}")]
    WrongType {
        /// The model's path or name.
        model: String,
        /// The input.
        name: String,
        /// The type that the model takes.
        expected: ElementType,
        /// The type given.
        found: ElementType,
    },
    /// A shape that the model does not take.
    #[error("model {model}: input `{name}` takes shape {}, found {found:?}", dims(expected))]
    WrongShape {
        /// The model's path or name.
        model: String,
        /// The input.
        name: String,
        /// The shape that the model takes; `None` is any size.
        expected: Vec<Option<i64>>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// A shape and data that do not belong together.
    #[error("model {model}: input `{name}` has shape {shape:?}, which is {}, but {len} values", elements(*expected))]
    WrongLength {
        /// The model's path or name.
        model: String,
        /// The input.
        name: String,
        /// The shape given.
        shape: Vec<usize>,
        /// The elements that shape has; `None` if the number does not fit a `usize`.
        expected: Option<usize>,
        /// The values given.
        len: usize,
    },
    /// An output that is no tensor, or a tensor of a type that is not read.
    #[error(
        "model {model}: output `{name}` is {dtype}, which is not supported: it must be one of {}",
        names(ElementType::READABLE)
    )]
    UnsupportedOutput {
        /// The model's path or name.
        model: String,
        /// The output.
        name: String,
        /// The output's type.
        dtype: ElementType,
    },
}

/// The place where a library was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The caller, from `--onnxruntime`.
    Explicit,
    /// The environment variable `ORT_DYLIB_PATH`.
    Environment,
    /// A folder that `larder setup cuda` installs into.
    CudaSetup,
    /// A folder that `larder setup` installs into.
    Setup,
    /// The package `onnxruntime` of the Python that larder was installed into.
    PythonPackage,
    /// The folder of this executable.
    Executable,
    /// The system's loader.
    System,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Explicit => "--onnxruntime",
            Self::Environment => "ORT_DYLIB_PATH",
            Self::CudaSetup => "larder setup cuda",
            Self::Setup => "larder setup",
            Self::PythonPackage => "Python package onnxruntime",
            Self::Executable => "beside the executable",
            Self::System => "system",
        })
    }
}

/// One place where the library was looked for.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {}: {problem}", path.display())]
pub struct Attempt {
    /// The place that named it.
    pub origin: Origin,
    /// The file, the folder, or the name given to the system's loader.
    pub path: PathBuf,
    /// The reason why it cannot be used.
    #[source]
    pub problem: LibraryProblem,
}

/// The reason why a file cannot be used as the library.
#[derive(Debug, thiserror::Error)]
pub enum LibraryProblem {
    /// There is nothing.
    #[error("not found")]
    NotFound,
    /// A folder without a library in it.
    #[error("no ONNX Runtime library in this folder")]
    EmptyFolder,
    /// Not a shared library for this system, or one whose own dependencies are missing.
    #[error("not loadable: {0}")]
    NotLoadable(#[source] libloading::Error),
    /// A shared library, but not ONNX Runtime.
    #[error("is a shared library but not ONNX Runtime: it does not export `OrtGetApiBase`")]
    NotOnnxRuntime,
    /// ONNX Runtime, but its version does not offer the API we call.
    #[error("is ONNX Runtime {version}, which does not offer API {API_VERSION}: 1.{API_VERSION} or later is needed")]
    TooOld {
        /// The library's version.
        version: String,
    },
}

fn list(tried: &[Attempt]) -> String {
    tried.iter().map(|attempt| format!("\n  - {attempt}")).collect()
}

/// Returns the action that solves it: whoever named a library in person wants that one; anyone else wants the recipe.
fn way_out(tried: &[Attempt]) -> &'static str {
    match tried.last().map(|attempt| attempt.origin) {
        Some(Origin::Explicit) => "give the path of an ONNX Runtime library, or leave --onnxruntime out",
        Some(Origin::Environment) => {
            "set ORT_DYLIB_PATH to an ONNX Runtime library, or unset it and run `larder setup`"
        }
        _ => "run `larder setup`, which installs it, or give its path with --onnxruntime PATH",
    }
}

fn names<T: fmt::Display>(known: &[T]) -> String {
    match known {
        [] => "none".to_owned(),
        known => known.iter().map(T::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn dims(expected: &[Option<i64>]) -> String {
    let axes = expected.iter().map(|axis| axis.map_or("any".to_owned(), |size| size.to_string()));
    format!("[{}]", axes.collect::<Vec<_>>().join(", "))
}

fn elements(expected: Option<usize>) -> String {
    expected.map_or("more elements than memory can hold".to_owned(), |count| format!("{count} elements"))
}

impl RuntimeError {
    /// The class of failure: a model that cannot be loaded is wrong itself, one that cannot be run was given wrong tensors.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Load { .. } => ErrorClass::Input,
            Self::Run { .. } => ErrorClass::Bug,
            _ => ErrorClass::Missing,
        }
    }
}
