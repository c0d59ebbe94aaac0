//! The device that a model is asked to run on, and the one that it ran on.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::RuntimeError;
use crate::gpus::Gpus;
use crate::runtime::Runtime;

/// The device that a session is asked to run on, or the devices of several sessions.
///
/// Spelled `auto`, `cpu`, `cuda`, `cuda:1`, `cuda:0,cuda:1` and `cuda:all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Device {
    /// The first GPU if a probe model runs on it and gives the right numbers, else the CPU.
    #[default]
    Auto,
    /// The CPU, whatever else there is.
    Cpu,
    /// CUDA devices. One that does not work is an error, never a CPU session.
    Cuda(Gpus),
}

impl Device {
    /// The first CUDA device.
    pub const CUDA: Self = Self::Cuda(Gpus::FIRST);

    /// Returns true if it may be more than one device.
    pub fn are_several(self) -> bool {
        matches!(self, Self::Cuda(gpus) if gpus.are_several())
    }

    /// Returns the device that a session with this setting runs on; of several the first.
    ///
    /// # Errors
    /// [`RuntimeError::CudaUnavailable`] if CUDA is asked for and does not work.
    pub fn resolve(self, runtime: &Runtime) -> Result<RanOn, RuntimeError> {
        let gpu = |ordinal| runtime.gpu(ordinal).map(|found| RanOn::gpu(found.name, ordinal));
        match self {
            Self::Cpu => Ok(RanOn::Cpu),
            Self::Auto => Ok(gpu(0).unwrap_or(RanOn::Cpu)),
            Self::Cuda(gpus) => {
                let first = match gpus {
                    Gpus::All => 0,
                    Gpus::Listed(list) => list.ordinals().next().unwrap_or(0),
                };
                gpu(first).map_err(|problem| RuntimeError::CudaUnavailable { problem })
            }
        }
    }

    /// Returns each device of this setting, all of which work.
    ///
    /// # Errors
    /// As [`Device::resolve`].
    pub fn resolve_all(self, runtime: &Runtime) -> Result<Vec<Self>, RuntimeError> {
        let Self::Cuda(gpus) = self else { return Ok(vec![self.resolve(runtime)?.device()]) };
        let ordinals: Vec<u32> = match gpus {
            Gpus::All => {
                (0..runtime.gpu_count().map_err(|problem| RuntimeError::CudaUnavailable { problem })?).collect()
            }
            Gpus::Listed(list) => list.ordinals().collect(),
        };
        let one = |ordinal| Ok(Self::Cuda(Gpus::one(ordinal).unwrap_or(Gpus::FIRST)).resolve(runtime)?.device());
        ordinals.into_iter().map(one).collect()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(gpus) => f.pad(&gpus.to_string()),
        }
    }
}

/// A text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown device `{found}`: expected `auto`, `cpu`, `cuda` (the first GPU), `cuda:1`, `cuda:0,cuda:1` or `cuda:all`"
)]
pub struct UnknownDevice {
    found: String,
}

impl FromStr for Device {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownDevice { found: text.to_owned() };
        let gpus = |part: &str| match part {
            "cuda" => Some(Gpus::FIRST),
            "cuda:all" => Some(Gpus::All),
            _ => Gpus::one(part.strip_prefix("cuda:")?.parse().ok()?),
        };
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            _ => {
                let listed = text.split(',').map(|part| gpus(part).ok_or_else(unknown));
                let all = listed.reduce(|these, those| Ok(these?.and(those?)));
                all.unwrap_or_else(|| Err(unknown())).map(Self::Cuda)
            }
        }
    }
}

impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The device that a session really runs on, or the devices of several; recorded with every artifact.
///
/// Serialised as `{"device": "cpu"}` or `{"device": "cuda", "name": "NVIDIA H100", "ordinals": [0]}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "device", rename_all = "lowercase")]
pub enum RanOn {
    /// The CPU.
    Cpu,
    /// CUDA devices.
    Cuda {
        /// The first one's name as its driver gives it, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Their numbers among those that CUDA shows the process. Records of before there was a choice have none, and mean the first.
        #[serde(default = "first")]
        ordinals: Vec<u32>,
    },
}

fn first() -> Vec<u32> {
    vec![0]
}

impl RanOn {
    fn gpu(name: Option<String>, ordinal: u32) -> Self {
        Self::Cuda { name, ordinals: vec![ordinal] }
    }

    /// Returns the devices of several sessions.
    pub fn of_all<'a>(sessions: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::Cpu;
        for session in sessions {
            match (&mut all, session) {
                (Self::Cuda { ordinals, .. }, Self::Cuda { ordinals: more, .. }) => {
                    ordinals.extend(more);
                    ordinals.sort_unstable();
                    ordinals.dedup();
                }
                (Self::Cpu, session) => all = session.clone(),
                (Self::Cuda { .. }, Self::Cpu) => {}
            }
        }
        all
    }

    /// The device that was asked for, or found.
    pub fn device(&self) -> Device {
        match self {
            Self::Cpu => Device::Cpu,
            Self::Cuda { ordinals, .. } => {
                let gpus = ordinals.iter().filter_map(|&ordinal| Gpus::one(ordinal)).reduce(Gpus::and);
                Device::Cuda(gpus.unwrap_or(Gpus::FIRST))
            }
        }
    }
}

impl fmt::Display for RanOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cuda { name: Some(name), .. } => write!(f, "{} ({name})", self.device()),
            _ => self.device().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        let spellings =
            ["auto", "cpu", "cuda", "cuda:1", "cuda:0,cuda:1", "cuda:3,cuda:63", "cuda:all"].map(|text| (text, text));
        // The same devices otherwise.
        let others = [
            ("cuda:0", "cuda"),
            ("cuda:1,cuda", "cuda:0,cuda:1"),
            ("cuda:1,cuda:1", "cuda:1"),
            ("cuda,cuda:all", "cuda:all"),
        ];
        for (text, shown) in spellings.into_iter().chain(others) {
            let device: Device = text.parse().unwrap();
            assert_eq!(device.to_string(), shown);
            assert_eq!(serde_json::to_string(&device).unwrap(), format!("\"{shown}\""));
            assert_eq!(serde_json::from_str::<Device>(&format!("\"{text}\"")).unwrap(), device);
        }
        assert_eq!("cuda".parse(), Ok(Device::CUDA));
        let several = |text: &str| text.parse::<Device>().unwrap().are_several();
        assert!(several("cuda:all") && several("cuda:0,cuda:2") && !several("cuda:2") && !several("auto"));
    }

    #[test]
    fn unknown_devices_list_the_known_ones() {
        for wrong in ["gpu", "", "cuda:", "cuda:64", "cuda:-1", "cuda,", "cpu,cuda", "cuda:0;cuda:1"] {
            let message = wrong.parse::<Device>().unwrap_err().to_string();
            assert!(message.contains(&format!("`{wrong}`")) && message.contains("`cuda:all`"), "{message}");
        }
    }

    #[test]
    fn what_ran_round_trips_through_json() {
        let name = Some("NVIDIA H100".to_owned());
        for ran_on in [RanOn::Cpu, RanOn::gpu(None, 0), RanOn::gpu(name.clone(), 3)] {
            let json = serde_json::to_string(&ran_on).unwrap();
            assert_eq!(serde_json::from_str::<RanOn>(&json).unwrap(), ran_on, "{json}");
        }
        assert_eq!(serde_json::to_string(&RanOn::Cpu).unwrap(), r#"{"device":"cpu"}"#);
        let before: RanOn = serde_json::from_str(r#"{"device":"cuda","name":"NVIDIA H100"}"#).unwrap();
        assert_eq!(before, RanOn::gpu(name.clone(), 0));
        assert_eq!(before.to_string(), "cuda (NVIDIA H100)");
        let several = RanOn::of_all(&[RanOn::gpu(name.clone(), 1), RanOn::gpu(name, 0)]);
        assert_eq!(several.to_string(), "cuda:0,cuda:1 (NVIDIA H100)");
        assert_eq!(RanOn::of_all(&[RanOn::Cpu, RanOn::Cpu]), RanOn::Cpu);
    }
}
