//! A check-up of machine and home: devices are tried, not only listed.

mod machine;
mod speed;

use std::path::PathBuf;

use larder_errors::ErrorClass;
use larder_intake::{Encoder, Listed, Prepared};
use larder_run::Larder;
use larder_runtime::{Device, Gpus, Runtime};
use serde::Serialize;

pub use machine::{Disk, Machine};
pub use speed::Speed;

use crate::PipelineError;

/// The result of `larder doctor`.
#[derive(Debug, Serialize)]
pub struct Checkup {
    /// larder's version.
    pub larder: &'static str,
    /// Processor, memory and disk.
    pub machine: Machine,
    /// ONNX Runtime.
    pub runtime: RuntimeCheck,
    /// The providers that larder uses, each tried.
    pub providers: Vec<ProviderCheck>,
    /// The encoders of this home.
    pub encoders: Vec<EncoderCheck>,
    /// The speed of one of them on this machine: in float32, then in what else it can run in.
    pub speed: Vec<Speed>,
    /// Problems that prevent using larder, with their solutions.
    pub problems: Vec<String>,
}

/// ONNX Runtime's library, or why there is none.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RuntimeCheck {
    /// It loads.
    Loaded {
        /// Its version.
        version: String,
        /// Its path.
        path: PathBuf,
    },
    /// There is no usable library.
    Missing {
        /// Everything that was tried, and the solution.
        problem: String,
    },
}

/// The check of a provider.
#[derive(Debug, Serialize)]
pub struct ProviderCheck {
    /// The CPU, or one GPU.
    pub device: Device,
    /// True if a model ran on it with the right result.
    pub runs: bool,
    /// The device's name, or the problem.
    pub detail: Option<String>,
    /// The solution.
    pub way_out: Option<String>,
}

/// The check of an encoder, without hashing its files again (`larder encoder verify` does that).
#[derive(Debug, Serialize)]
pub struct EncoderCheck {
    /// Its name.
    pub name: String,
    /// Its properties.
    pub found: Option<EncoderFacts>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// Properties from an encoder's manifest.
#[derive(Debug, Serialize)]
pub struct EncoderFacts {
    /// The family, if recognised.
    pub family: Option<String>,
    /// Dimensions of its vectors.
    pub hidden_size: usize,
    /// Layers, if known.
    pub layers: Option<usize>,
    /// Its maximum input, in tokens.
    pub max_tokens: usize,
    /// Bytes of its model file.
    pub bytes: u64,
    /// The graph that runs, and why not another.
    pub graph: String,
}

/// Options of `larder doctor`.
#[derive(Debug, Clone, Default)]
pub struct DoctorOptions {
    /// The encoder whose speed is measured; by default the first that works.
    pub encoder: Option<String>,
    /// The device of the measurement.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
    /// True if speed is measured.
    pub speed: bool,
}

impl Checkup {
    /// Returns the class of failure, if something indispensable is missing.
    pub fn class(&self) -> Option<ErrorClass> {
        (!self.problems.is_empty()).then_some(ErrorClass::Missing)
    }
}

/// Checks machine, runtime, providers and encoders. Missing parts are results, not errors.
///
/// # Errors
/// [`PipelineError`] if the home cannot be listed, or the encoder named in `options` does not exist.
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
    let probed = match &options.encoder {
        Some(name) => Some(larder.encoder(name)?),
        None => listed.iter().find_map(|one| one.encoder.as_ref().ok().cloned()),
    };
    let all = listed.iter().filter_map(|one| one.encoder.as_ref().ok());
    let quantised: Vec<&Encoder> = match &probed {
        Some(encoder) => all.filter(|other| other.is_quantised_from(encoder)).collect(),
        None => Vec::new(),
    };
    let speed = match (&loaded, probed) {
        (Ok(runtime), Some(encoder)) if options.speed && problems.is_empty() => {
            speed::measure(runtime, &encoder, &quantised, options).unwrap_or_else(|error| {
                problems.push(format!("encoder {} does not run: {error}", encoder.name()));
                Vec::new()
            })
        }
        _ => Vec::new(),
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
    if let Err(error) = asked.resolve_all(runtime) {
        problems.push(error.to_string());
    }
    // Where there is none, the first says why.
    let shown = 0..runtime.gpu_count().unwrap_or(1);
    let gpus = shown.filter_map(|ordinal| {
        let device = Device::Cuda(Gpus::one(ordinal)?);
        Some(match runtime.gpu(ordinal) {
            Ok(found) => ProviderCheck { device, runs: true, detail: found.name, way_out: None },
            Err(problem) => {
                let (detail, way_out) = (Some(problem.to_string()), Some(problem.way_out().to_owned()));
                ProviderCheck { device, runs: false, detail, way_out }
            }
        })
    });
    [cpu].into_iter().chain(gpus).collect()
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
