//! The device that a model is asked to run on, and the one that it ran on.

use std::fmt;

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::error::RuntimeError;
use crate::runtime::Runtime;

spelled_enum! {
    /// The device that a session is asked to run on.
    #[derive(Default)]
    pub enum Device {
        /// CUDA if a probe model runs on it and gives the right numbers, else the CPU.
        #[default]
        Auto = "auto",
        /// The CPU, whatever else there is.
        Cpu = "cpu",
        /// The first CUDA device. Without one that works a session is an error, never a CPU session.
        Cuda = "cuda",
    } else "unknown device `{found}`: expected {or}"
}

impl Device {
    /// Returns the device that a session with this setting runs on.
    ///
    /// # Errors
    /// [`RuntimeError::CudaUnavailable`] if CUDA is asked for and does not work.
    pub fn resolve(self, runtime: &Runtime) -> Result<RanOn, RuntimeError> {
        if self == Self::Cpu {
            return Ok(RanOn::Cpu);
        }
        match (runtime.cuda(), self) {
            (Ok(found), _) => Ok(RanOn::Cuda { name: found.name.clone() }),
            (Err(problem), Self::Cuda) => Err(RuntimeError::CudaUnavailable { problem: problem.clone() }),
            (Err(_), _) => Ok(RanOn::Cpu),
        }
    }
}

/// The device that a session really runs on; recorded with every artifact.
///
/// Serialised as `{"device": "cpu"}` or `{"device": "cuda", "name": "NVIDIA H100"}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "device", rename_all = "lowercase")]
pub enum RanOn {
    /// The CPU.
    Cpu,
    /// A CUDA device.
    Cuda {
        /// The device's name as its driver gives it, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

impl RanOn {
    /// The device that was asked for, or found.
    pub fn device(&self) -> Device {
        match self {
            Self::Cpu => Device::Cpu,
            Self::Cuda { .. } => Device::Cuda,
        }
    }
}

impl fmt::Display for RanOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Cuda { name: None } => f.pad("cuda"),
            Self::Cuda { name: Some(name) } => write!(f, "cuda ({name})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        for &device in Device::ALL {
            assert_eq!(device.to_string().parse::<Device>(), Ok(device));
            assert_eq!(serde_json::to_string(&device).unwrap(), format!("\"{device}\""));
        }
    }

    #[test]
    fn unknown_devices_list_the_known_ones() {
        let message = "gpu".parse::<Device>().unwrap_err().to_string();
        for device in Device::ALL {
            assert!(message.contains(device.as_str()), "{message}");
        }
        assert!(message.contains("`gpu`"), "{message}");
    }

    #[test]
    fn what_ran_round_trips_through_json() {
        let name = Some("NVIDIA H100".to_owned());
        for ran_on in [RanOn::Cpu, RanOn::Cuda { name: None }, RanOn::Cuda { name }] {
            let json = serde_json::to_string(&ran_on).unwrap();
            assert_eq!(serde_json::from_str::<RanOn>(&json).unwrap(), ran_on, "{json}");
        }
        assert_eq!(serde_json::to_string(&RanOn::Cpu).unwrap(), r#"{"device":"cpu"}"#);
    }
}
