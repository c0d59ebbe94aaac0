//! The reasons why CUDA cannot be used.

use std::error::Error as StdError;
use std::sync::Arc;

use crate::probe::PROBE_OUTPUT;

/// The reason why CUDA cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CudaProblem {
    /// The loaded library was built without CUDA.
    #[error("the loaded ONNX Runtime ({library}) was built without it")]
    NotInBuild {
        /// The loaded library's path.
        library: String,
    },
    /// The library was built without CUDA and lies in the place of one that was built with it.
    #[error("the Python package onnxruntime was installed over onnxruntime-gpu, whose library ({library}) it replaced")]
    Replaced {
        /// The loaded library's path.
        library: String,
    },
    /// The NVIDIA driver's library is missing.
    #[error("there is no NVIDIA driver ({driver} cannot be loaded)")]
    NoDriver {
        /// The library looked for.
        driver: &'static str,
    },
    /// The driver is there but sees no device.
    #[error("the NVIDIA driver sees no device (error {code})")]
    NoDevice {
        /// `CUresult` of `cuInit` or `cuDeviceGet`.
        code: i32,
    },
    /// The driver has no device of that number.
    #[error("there is no GPU {ordinal}: the NVIDIA driver shows this process {count}, numbered from 0")]
    NoOrdinal {
        /// The number asked for.
        ordinal: u32,
        /// Devices that are shown.
        count: u32,
    },
    /// One of CUDA's own libraries is missing or unusable.
    #[error("a CUDA library is missing or does not load: {source}")]
    Library {
        /// The library, and the loader's reason.
        #[source]
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// The probe model could not be prepared or run.
    #[error("a probe model did not run on it: {source}")]
    Probe {
        /// ONNX Runtime's reason.
        #[source]
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// The probe model ran and gave wrong numbers.
    #[error("a probe model gave {found:?} on it instead of {PROBE_OUTPUT:?}")]
    WrongNumbers {
        /// The outputs of the probe model.
        found: Vec<f32>,
    },
}

impl CudaProblem {
    /// Returns the action that solves the problem.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::NotInBuild { .. } | Self::Library { .. } => {
                "run `larder setup cuda`, which installs ONNX Runtime for CUDA and NVIDIA's libraries (Linux x86_64)"
            }
            Self::Replaced { .. } => "put it back with `pip install --force-reinstall --no-deps onnxruntime-gpu`",
            Self::NoDriver { .. } | Self::NoDevice { .. } => {
                "install NVIDIA's driver for CUDA 13 or make the GPU visible to this process"
            }
            Self::NoOrdinal { .. } => {
                "name one that there is; CUDA_VISIBLE_DEVICES may hide others, and numbers those it leaves from 0"
            }
            Self::Probe { .. } | Self::WrongNumbers { .. } => {
                "check the driver with nvidia-smi, then run `larder setup cuda` again"
            }
        }
    }
}
