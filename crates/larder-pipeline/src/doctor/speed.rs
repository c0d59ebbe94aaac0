//! The speed of an encoder on this machine, in every precision that it has here.

use std::time::Duration;

use larder_encode::{EncodeError, EncodeSettings, EncoderInput, Engine, EngineSettings, GraphChoice, Throughput};
use larder_intake::Encoder;
use larder_runtime::{Device, RanOn, Runtime, bfloat16_kernel};
use serde::Serialize;

use super::DoctorOptions;

/// Duration of the measurement.
const PROBE: Duration = Duration::from_secs(2);

/// Tokens per text, special tokens included: about a sentence. (CoLA's sentences have 11 on average.)
const TOKENS: usize = 16;

/// Texts run in turn: enough for full batches on all threads.
const TEXTS: usize = 1024;

/// An encoder's speed.
#[derive(Debug, Serialize)]
pub struct Speed {
    /// The encoder.
    pub encoder: String,
    /// The device that ran.
    pub device: RanOn,
    /// CPU threads.
    pub threads: usize,
    /// The graph that ran.
    pub graph: &'static str,
    /// Tokens of each text.
    pub tokens_per_text: usize,
    /// The measurement.
    pub measured: Throughput,
}

/// Measures the encoder; on a CPU that multiplies bfloat16 also so; and the encoders that were `quantised` from it.
pub(super) fn measure(
    runtime: &Runtime,
    encoder: &Encoder,
    quantised: &[&Encoder],
    options: &DoctorOptions,
) -> Result<Vec<Speed>, EncodeError> {
    let plain = run(runtime, encoder, GraphChoice::Auto, options)?;
    let is_cpu = plain.device.device() == Device::Cpu;
    let mut speeds = vec![plain];
    if is_cpu && bfloat16_kernel().is_some() {
        let rounded = run(runtime, encoder, GraphChoice::Bfloat16, options)?;
        // Else it is the same again.
        speeds.extend((rounded.graph == GraphChoice::Bfloat16.as_str()).then_some(rounded));
    }
    for encoder in quantised {
        speeds.push(run(runtime, encoder, GraphChoice::Auto, options)?);
    }
    Ok(speeds)
}

/// Runs the encoder on texts of equal length for two seconds. The ids are arbitrary: speed does not depend on them.
fn run(
    runtime: &Runtime,
    encoder: &Encoder,
    graph: GraphChoice,
    options: &DoctorOptions,
) -> Result<Speed, EncodeError> {
    let settings = EncodeSettings {
        graph,
        pools: vec![encoder.default_pool()],
        device: options.device,
        threads: options.threads,
        ..EncodeSettings::default()
    };
    let outputs = settings.outputs(encoder.interface().last_layer())?;
    let mut engine =
        Engine::new(runtime, encoder, &outputs, EngineSettings { all_workers: true, ..settings.engine() })?;
    let length = TOKENS.min(engine.max_tokens());
    let ids = i32::try_from(encoder.manifest().vocabulary_size).unwrap_or(i32::MAX).max(1);
    let text = |text: usize| (0..length).map(|place| ((text * 31 + place * 7) as i32) % ids).collect::<Vec<_>>();
    let texts: Vec<Vec<i32>> = (0..TEXTS).map(text).collect();
    let inputs: Vec<EncoderInput<'_>> =
        texts.iter().map(|input_ids| EncoderInput { input_ids, type_ids: None }).collect();
    let measured = Throughput::measure(&mut engine, &inputs, PROBE)?;
    Ok(Speed {
        encoder: encoder.name().to_owned(),
        device: engine.ran_on().clone(),
        threads: engine.threads(),
        graph: engine.graph(),
        tokens_per_text: length,
        measured,
    })
}
