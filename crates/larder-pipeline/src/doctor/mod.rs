//! What this machine and this home have, each tried and not only listed.

mod machine;
mod speed;

use std::path::PathBuf;

use larder_errors::ErrorClass;
use larder_intake::{Encoder, Listed, Prepared};
use larder_run::Larder;
use larder_runtime::{Device, Runtime, RuntimeError};
use serde::Serialize;

pub use machine::{Disk, Machine};
pub use speed::Speed;

use crate::PipelineError;

/// What `larder doctor` found.
#[derive(Debug, Serialize)]
pub struct Checkup {
    /// larder's version.
    pub larder: &'static str,
    /// Processor, memory and disk.
    pub machine: Machine,
    /// ONNX Runtime.
    pub runtime: RuntimeCheck,
    /// Each provider that larder uses, run or tried to run.
    pub providers: Vec<ProviderCheck>,
    /// The encoders of this home.
    pub encoders: Vec<EncoderCheck>,
    /// How fast one of them runs here.
    pub speed: Option<Speed>,
    /// What does not work and has to, with the way out. Empty where larder can be used.
    pub problems: Vec<String>,
}

/// The library that was found, or why there is none.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RuntimeCheck {
    /// It loads.
    Loaded {
        /// Its version.
        version: String,
        /// Where it lies.
        path: PathBuf,
    },
    /// There is none that can be used.
    Missing {
        /// All that was tried, and the way out.
        problem: String,
    },
}

/// A provider, by what it did.
#[derive(Debug, Serialize)]
pub struct ProviderCheck {
    /// `cpu` or `cuda`.
    pub device: Device,
    /// Whether a model ran on it and gave the right numbers.
    pub runs: bool,
    /// The device's name, or what is missing.
    pub detail: Option<String>,
    /// What mends it.
    pub way_out: Option<String>,
}

/// An encoder, as far as its files tell without being hashed again (`larder encoder verify` does that).
#[derive(Debug, Serialize)]
pub struct EncoderCheck {
    /// Its name.
    pub name: String,
    /// What it is.
    pub found: Option<EncoderFacts>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// What an encoder's manifest says.
#[derive(Debug, Serialize)]
pub struct EncoderFacts {
    /// The family, if recognised.
    pub family: Option<String>,
    /// Dimensions of a vector.
    pub hidden_size: usize,
    /// Layers, if known.
    pub layers: Option<usize>,
    /// Tokens it reads at most.
    pub max_tokens: usize,
    /// Bytes of its model file.
    pub bytes: u64,
    /// Which graph runs, and why not another.
    pub graph: String,
}

/// What is checked.
#[derive(Debug, Clone, Default)]
pub struct DoctorOptions {
    /// The encoder whose speed is measured; the first that works unless named.
    pub encoder: Option<String>,
    /// Where it is measured.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
    /// Whether speed is measured at all.
    pub speed: bool,
}

impl Checkup {
    /// The class of failure: something that larder cannot do without is missing, or nothing is.
    pub fn class(&self) -> Option<ErrorClass> {
        (!self.problems.is_empty()).then_some(ErrorClass::Missing)
    }
}

/// Looks at machine, runtime, providers and encoders. What is missing is part of the result, not an error.
///
/// # Errors
/// [`PipelineError`] where the home cannot be listed, or for an encoder named in `options` that is not there.
pub fn doctor(larder: &Larder, options: &DoctorOptions) -> Result<Checkup, PipelineError> {
    let machine = Machine::look(larder.home().root());
    let mut problems = Vec::new();
    let loaded = larder.runtime();
    let (runtime, providers) = match &loaded {
        Ok(runtime) => {
            let found = RuntimeCheck::Loaded { version: runtime.version().to_owned(), path: runtime.path().to_owned() };
            (found, providers(runtime, options.device, &mut problems))
        }
        Err(error) => {
            problems.push(error.to_string());
            (RuntimeCheck::Missing { problem: error.to_string() }, Vec::new())
        }
    };
    let listed = Encoder::list(larder.home())?;
    let encoders = listed.iter().map(encoder_check).collect();
    let subject = match &options.encoder {
        Some(name) => Some(larder.encoder(name)?),
        None => listed.into_iter().find_map(|one| one.encoder.ok()),
    };
    let speed = match (&loaded, subject) {
        (Ok(runtime), Some(encoder)) if options.speed && problems.is_empty() => {
            match speed::measure(runtime, &encoder, options) {
                Ok(speed) => Some(speed),
                Err(error) => {
                    problems.push(format!("encoder {} does not run: {error}", encoder.name()));
                    None
                }
            }
        }
        _ => None,
    };
    Ok(Checkup { larder: env!("CARGO_PKG_VERSION"), machine, runtime, providers, encoders, speed, problems })
}

fn providers(runtime: &Runtime, asked: Device, problems: &mut Vec<String>) -> Vec<ProviderCheck> {
    let cpu = match runtime.cpu() {
        Ok(()) => ProviderCheck { device: Device::Cpu, runs: true, detail: None, way_out: None },
        Err(error) => {
            problems.push(error.to_string());
            ProviderCheck { device: Device::Cpu, runs: false, detail: Some(error.to_string()), way_out: None }
        }
    };
    let cuda = match runtime.cuda() {
        Ok(found) => ProviderCheck { device: Device::Cuda, runs: true, detail: found.name.clone(), way_out: None },
        Err(problem) => {
            if asked == Device::Cuda {
                problems.push(RuntimeError::CudaUnavailable { problem: problem.clone() }.to_string());
            }
            ProviderCheck {
                device: Device::Cuda,
                runs: false,
                detail: Some(problem.to_string()),
                way_out: Some(problem.way_out().to_owned()),
            }
        }
    };
    vec![cpu, cuda]
}

fn encoder_check(listed: &Listed) -> EncoderCheck {
    let name = listed.name.clone();
    match &listed.encoder {
        Err(error) => EncoderCheck { name, found: None, problem: Some(error.to_string()) },
        Ok(encoder) => EncoderCheck { name, found: Some(facts(encoder)), problem: None },
    }
}

fn facts(encoder: &Encoder) -> EncoderFacts {
    let manifest = encoder.manifest();
    EncoderFacts {
        family: manifest.family.map(|family| family.to_string()),
        hidden_size: manifest.hidden_size,
        layers: manifest.num_hidden_layers,
        max_tokens: encoder.max_tokens(),
        bytes: std::fs::metadata(encoder.model_path()).map_or(0, |file| file.len()),
        graph: match &manifest.prepared {
            Prepared::Built => "built by larder from published weights".to_owned(),
            Prepared::Rebuilt(_) => "larder's own, built of the given one".to_owned(),
            Prepared::AsGiven { reason } => format!("as given: {reason}"),
        },
    }
}
